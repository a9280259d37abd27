//! From a checked project to a verified deployment: build, observe, plan, apply, recover.
