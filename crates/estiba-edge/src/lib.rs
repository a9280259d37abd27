//! Routing of HTTP and TCP to instances, for targets with no ingress of their own.
