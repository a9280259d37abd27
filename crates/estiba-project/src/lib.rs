//! The project file: estiba.yaml to a checked project.
