//! Containers run by Estiba itself on this machine, with no daemon.
