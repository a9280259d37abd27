//! The words of Estiba as plain data: workloads, projects, releases, plans,
//! observed state. Nothing here does I/O, and nothing here knows a target.

pub mod access;
pub mod alert;
pub mod commit;
pub mod deployment;
pub mod diagnostic;
pub mod event;
mod file_logs;
pub mod log;
pub mod mail;
pub mod message;
pub mod names;
pub mod plan;
pub mod project;
pub mod release;
pub mod secret;
mod smoke;
pub mod status;
mod tried;
mod words;
pub mod workload;

pub use access::{
    Approval, ApprovalState, AuditEntry, Happening, Member, NewToken, Person, Right, Role, Scope,
    Team, Token, Trust, What,
};
pub use alert::Alert;
pub use commit::{Changes, Commit};
pub use deployment::{Cause, Deployment, DeploymentId, DeploymentState, StepRecord, StepState};
pub use diagnostic::{Diagnostic, Place, Severity, has_errors};
pub use event::Event;
pub use file_logs::{FileLogs, LOGS_ANNOTATION};
pub use log::{LogLine, Stream};
pub use mail::{
    Attachment, Encryption, MAIL_SINK, Mail, MailContent, MailServer, SINK_LIMITS, SINK_REQUESTS,
    SMTP, names_mail_server,
};
pub use message::{Lang, Message};
pub use names::{
    Digest, EnvironmentId, Fingerprint, InstanceName, Name, NameError, ProjectId, Version,
    is_variable_name,
};
pub use plan::{
    Desired, DesiredAcceptance, DesiredResource, DesiredWorkload, ExposedPort, Exposure,
    InstanceState, Observed, ObservedInstance, ObservedResource, ObservedRollout, Plan, Rollout,
    Route, Step, Strategy, Traffic, WholeWorkload,
};
pub use project::{
    Environment, Given, LogsLogin, LogsTo, OutsideService, Project, ProjectWorkload, TargetConfig,
    WsdlWanted,
};
pub use release::{Release, ReleasedWorkload};
pub use secret::SecretString;
pub use smoke::Smoke;
pub use status::{Activity, Carried, Deployed, EnvironmentStatus, InstanceStatus, Losses, Url};
pub use tried::{Ending, Tried};
pub use workload::{
    ACCEPTANCE_ANNOTATION, ACCEPTANCE_SECONDS_ANNOTATION, Container, File, FileData, HttpProbe,
    HttpScheme, ImageSource, MIGRATION_ANNOTATION, PROGRAM_ANNOTATION, Probe, Protocol, Quantities,
    Ready, Resource, ResourceId, SMOKE_ANNOTATION, ServicePort, VolumeMount, Workload,
};
