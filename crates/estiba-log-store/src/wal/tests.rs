use std::io::Read;

use super::*;
use crate::Environment;

fn frame(lines: usize) -> Frame {
    let mut frame = Frame::new(Environment::new("moria", "", ""), 0);
    for line in 0..lines {
        frame.push(|bytes| bytes.extend_from_slice(format!("line {line}").as_bytes()));
    }
    frame
}

fn sequences(folder: &Path) -> Vec<u64> {
    let mut found = Vec::new();
    for (path, _) in recover(folder).unwrap().segments {
        for frame in read_segment(&path).unwrap().0 {
            found.extend(frame.lines().map(|(sequence, _)| sequence));
        }
    }
    found
}

#[test]
fn what_was_appended_is_recovered_until_it_is_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let mut wal = Wal::new(folder.path().to_owned(), 1, Vec::new());
    wal.append([&mut frame(2), &mut frame(1)].into_iter())
        .unwrap();
    wal.append([&mut frame(2)].into_iter()).unwrap();
    assert_eq!(sequences(folder.path()), [1, 2, 3, 4, 5]);
    wal.trim(3).unwrap();
    assert_eq!(sequences(folder.path()), [1, 2, 3, 4, 5]);
    wal.trim(5).unwrap();
    assert_eq!(sequences(folder.path()), Vec::<u64>::new());
    assert_eq!(recover(folder.path()).unwrap().indexed, 5);
    wal.append([&mut frame(1)].into_iter()).unwrap();
    assert_eq!(sequences(folder.path()), [6]);
}

#[test]
fn a_torn_end_is_no_damage_but_a_hole_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut wal = Wal::new(folder.path().to_owned(), 1, Vec::new());
    wal.append([&mut frame(1), &mut frame(1), &mut frame(1)].into_iter())
        .unwrap();
    let path = recover(folder.path()).unwrap().segments[0].0.clone();
    let mut whole = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut whole).unwrap();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let recovered = recover(folder.path()).unwrap();
        assert!(recovered.damaged.is_empty(), "cut at {cut}");
        assert_eq!(sequences(folder.path()).len(), cut * 3 / whole.len());
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert_eq!(recover(folder.path()).unwrap().damaged.len(), 1);
    assert_eq!(sequences(folder.path()), [1, 3]);
}
