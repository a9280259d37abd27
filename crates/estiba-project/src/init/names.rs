//! A name for the project and for the team.

use std::path::{Path, PathBuf};

use estiba_model::Name;

/// Longer Git configurations are not looked at.
const MOST_BYTES: u64 = 1 << 20;

/// A name for the project in a folder: the folder's name, or `project`.
#[must_use]
pub fn project(directory: &Path) -> String {
    let directory = directory
        .canonicalize()
        .unwrap_or_else(|_| directory.to_owned());
    let name = directory
        .file_name()
        .and_then(|name| name_of(&name.to_string_lossy()));
    name.unwrap_or_else(|| "project".to_owned())
}

/// A name for the team of a folder: who owns the Git remote, or who commits, or
/// `team`.
#[must_use]
pub fn team(directory: &Path) -> String {
    let directory = directory
        .canonicalize()
        .unwrap_or_else(|_| directory.to_owned());
    let repository = directory
        .ancestors()
        .map(|dir| dir.join(".git/config"))
        .find(|file| file.is_file());
    let repository = repository.and_then(|file| read(&file)).unwrap_or_default();
    let personal = std::env::home_dir().map(|home: PathBuf| home.join(".gitconfig"));
    let personal = personal.and_then(|file| read(&file)).unwrap_or_default();
    setting(&repository, "remote", "url")
        .and_then(owner)
        .or_else(|| setting(&repository, "user", "name"))
        .or_else(|| setting(&personal, "user", "name"))
        .and_then(name_of)
        .unwrap_or_else(|| "team".to_owned())
}

fn read(file: &Path) -> Option<String> {
    let length = std::fs::metadata(file).ok()?.len();
    (length <= MOST_BYTES).then(|| std::fs::read_to_string(file).ok())?
}

/// The first value of `key` in a section of Git's configuration syntax
/// (<https://git-scm.com/docs/git-config#_syntax>).
fn setting<'t>(config: &'t str, section: &str, key: &str) -> Option<&'t str> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split([' ', ']', '"']).next();
            inside = name.is_some_and(|name| name.eq_ignore_ascii_case(section));
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim().eq_ignore_ascii_case(key)
        {
            return Some(value.trim());
        }
    }
    None
}

/// The part of a remote's address before the repository.
fn owner(url: &str) -> Option<&str> {
    let mut parts = url.trim_end_matches('/').rsplit(['/', ':']);
    parts.next()?;
    parts
        .next()
        .filter(|owner| !owner.is_empty() && !owner.contains('@'))
}

/// `text` as a valid [`Name`]; `None` where too little is left.
#[must_use]
pub fn name_of(text: &str) -> Option<String> {
    let plain = |c: char| match c {
        'á' | 'à' | 'ä' => 'a',
        'é' | 'è' => 'e',
        'í' => 'i',
        'ó' | 'ö' => 'o',
        'ú' | 'ü' => 'u',
        'ñ' => 'n',
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let text: String = text.to_lowercase().chars().map(plain).collect();
    let words: Vec<&str> = text.split('-').filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(40);
    let name = name.trim_end_matches('-');
    name.parse::<Name>().is_ok().then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_remote_is_found() {
        for (url, expected) in [
            ("git@gitlab.com:memo2/moria/api.git", Some("moria")),
            ("git@gitlab.com:moria/api.git", Some("moria")),
            ("https://gitlab.com/moria/api", Some("moria")),
            ("https://gitlab.com/moria/api/", Some("moria")),
            ("api", None),
        ] {
            assert_eq!(owner(url), expected, "{url}");
        }
    }

    #[test]
    fn any_text_becomes_a_valid_name_or_none() {
        assert_eq!(name_of("Ñandú  TP_2!").as_deref(), Some("nandu-tp-2"));
        assert_eq!(name_of("x"), None);
        assert_eq!(name_of("!!"), None);
    }

    #[test]
    fn a_setting_is_read_from_its_own_section() {
        let config = "[core]\n\turl = no\n[remote \"origin\"]\n\turl = git@h:team/x.git\n";
        assert_eq!(setting(config, "remote", "url"), Some("git@h:team/x.git"));
        assert_eq!(setting(config, "user", "name"), None);
    }
}
