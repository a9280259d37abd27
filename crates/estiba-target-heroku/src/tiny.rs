//! Two programs of a few instructions, for images that have nothing else to offer.
//!
//! Heroku runs the process type `release` again for every release, those of a
//! changed config var included. A migration must run once, so that a program which
//! does nothing takes its place when it is done; a process type can't be taken away.
//!
//! Heroku runs a command that is one word in a shell, unless there is an entry point
//! before it. An image without a shell is started by a program that starts its first
//! argument.

/// A program and where it is in its image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiny {
    pub(crate) path: &'static str,
    code: &'static [u8],
}

/// Ends well.
pub(crate) const NOTHING: Tiny = Tiny {
    path: "/nothing",
    // mov eax, 60; xor edi, edi; syscall
    code: &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05],
};

/// Becomes the program that its arguments name, with their rest and the environment.
pub(crate) const STARTER: Tiny = Tiny {
    path: "/estiba-start",
    code: &[
        0x48, 0x8b, 0x04, 0x24, // mov rax, [rsp]: how many arguments
        0x48, 0x8b, 0x7c, 0x24, 0x10, // mov rdi, [rsp+16]: the first
        0x48, 0x8d, 0x74, 0x24, 0x10, // lea rsi, [rsp+16]: all from there
        0x48, 0x8d, 0x54, 0xc4, 0x10, // lea rdx, [rsp+rax*8+16]: the environment
        0xb8, 59, 0, 0, 0, 0x0f, 0x05, // execve
        0xbf, 127, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05, // exit(127): not there
    ],
};

impl Tiny {
    /// The program, for Linux on x86-64: the header of an ELF file
    /// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>), one segment
    /// and the instructions.
    pub(crate) fn program(self) -> Vec<u8> {
        const ADDRESS: u64 = 0x40_0000;
        const HEADERS: u64 = 64 + 56;
        let length = HEADERS + self.code.len() as u64;
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
        // An executable for x86-64, of version 1.
        put(&2_u16.to_le_bytes());
        put(&62_u16.to_le_bytes());
        put(&1_u32.to_le_bytes());
        // Where it begins; where its segments are told; no sections; no flags.
        put(&(ADDRESS + HEADERS).to_le_bytes());
        put(&64_u64.to_le_bytes());
        put(&0_u64.to_le_bytes());
        put(&0_u32.to_le_bytes());
        // The sizes of the headers; one segment, no sections.
        for size in [64_u16, 56, 1, 64, 0, 0] {
            put(&size.to_le_bytes());
        }
        // Loaded, readable and executable: all of the file.
        put(&1_u32.to_le_bytes());
        put(&5_u32.to_le_bytes());
        for place in [0, ADDRESS, ADDRESS, length, length, 0x1000] {
            put(&place.to_le_bytes());
        }
        put(self.code);
        file
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Output};

    use super::*;

    fn run(tiny: Tiny, arguments: &[&str]) -> Output {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tiny");
        std::fs::write(&path, tiny.program()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(&path);
        command.env_clear().env("WORD", "here").args(arguments);
        command.output().unwrap()
    }

    #[test]
    fn nothing_ends_well() {
        assert_eq!(run(NOTHING, &[]).status.code(), Some(0));
    }

    #[test]
    fn what_is_started_has_its_arguments_and_the_environment() {
        let ran = run(
            STARTER,
            &["/bin/sh", "-c", "echo $WORD $1; exit 3", "sh", "there"],
        );
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "here there\n");
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!(run(STARTER, &["/no/program"]).status.code(), Some(127));
        assert_eq!(run(STARTER, &[]).status.code(), Some(127));
    }
}
