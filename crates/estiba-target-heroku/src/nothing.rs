//! A program that ends well and does nothing else.
//!
//! Heroku runs the process type `release` again for every release, those of a
//! changed config var included. A migration must run once, so that this program
//! takes its place when it is done; a process type can't be taken away.

/// Where it is in its image.
pub(crate) const PATH: &str = "/nothing";

/// The program, for Linux on x86-64: the header of an ELF file
/// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>), one segment,
/// and `exit(0)`.
pub(crate) fn program() -> Vec<u8> {
    const ADDRESS: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    // mov eax, 60; xor edi, edi; syscall
    const CODE: [u8; 9] = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    let length = HEADERS + CODE.len() as u64;
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
    put(&CODE);
    file
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_ends_well() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nothing");
        std::fs::write(&path, super::program()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let ended = std::process::Command::new(&path).status().unwrap();
        assert_eq!(ended.code(), Some(0));
    }
}
