//! Which system calls a container may make.
//!
//! `seccomp/*.json` hold the calls that Docker and containerd allow a container
//! with no capability, taken from
//! <https://github.com/moby/profiles/blob/cd3bed8061c7b7378b61fc6827c7885779417a75/seccomp/default.json>.
//! Every other call fails with `EPERM`. A 32-bit program is killed: unlike
//! Docker's, these filters know the machine's own architecture alone.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use super::error::Failure;

#[cfg(target_arch = "x86_64")]
const ALLOWED: &str = include_str!("seccomp/x86_64.json");
#[cfg(target_arch = "aarch64")]
const ALLOWED: &str = include_str!("seccomp/aarch64.json");

/// First call that the allow-list's table has no name for. Numbers from 424 on
/// are the same on every architecture.
const FIRST_UNKNOWN_CALL: i64 = 463;
/// How far unknown calls are answered as an older kernel would.
const LAST_UNKNOWN_CALL: i64 = 511;

/// The filters, in the order to install them in.
#[derive(Clone)]
pub(super) struct Filters(Vec<BpfProgram>);

impl Filters {
    pub(super) fn compile() -> Result<Self, Failure> {
        let broken = |error: &dyn std::error::Error| Failure::runtime(error);
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| broken(&e))?;
        let mut allowed =
            seccompiler::compile_from_json(ALLOWED.as_bytes(), arch).map_err(|e| broken(&e))?;
        let allowed = allowed
            .remove("container")
            .ok_or_else(|| Failure::Runtime("seccomp list has no filter".to_owned()))?;
        let absent = absent_calls(arch).map_err(|e| broken(&e))?;
        Ok(Self(vec![allowed, absent]))
    }

    /// Installs the filters on the calling thread, for good.
    pub(super) fn install(&self) -> Result<(), Failure> {
        self.0.iter().try_for_each(|filter| {
            seccompiler::apply_filter(filter).map_err(|e| Failure::runtime(&e))
        })
    }
}

/// Calls that fail with `ENOSYS`, so that C libraries use an older one instead:
/// `clone3`, whose flags a filter cannot read, and whatever is newer than the
/// allow-list. `EPERM` would look to them like an error to report.
fn absent_calls(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let calls: BTreeMap<_, _> = std::iter::once(libc::SYS_clone3)
        .chain(FIRST_UNKNOWN_CALL..=LAST_UNKNOWN_CALL)
        .map(|call| (call, Vec::new()))
        .collect();
    let errno = u32::try_from(libc::ENOSYS).unwrap_or_default();
    SeccompFilter::new(
        calls,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        arch,
    )?
    .try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_this_architecture_compiles() {
        let Filters(filters) = Filters::compile().unwrap();
        assert_eq!(filters.len(), 2);
        // BPF_MAXINSNS of the kernel.
        assert!(filters.iter().all(|filter| filter.len() < 4096));
    }

    #[test]
    fn both_lists_compile() {
        for (list, arch) in [
            (include_str!("seccomp/x86_64.json"), TargetArch::x86_64),
            (include_str!("seccomp/aarch64.json"), TargetArch::aarch64),
        ] {
            seccompiler::compile_from_json(list.as_bytes(), arch).unwrap();
        }
    }
}
