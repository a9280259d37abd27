//! Which dyno a workload gets.
//! <https://devcenter.heroku.com/articles/dyno-tiers#dyno-tiers-and-mix-and-match>

use estiba_model::{Message, message};

/// What Heroku calls a size, and the megabytes of memory that it has. Those that a
/// memory limit can choose, smallest first.
const BY_MEMORY: &[(&str, u64)] = &[
    (SINGLE, 512),
    ("standard-1x", 512),
    ("standard-2x", 1024),
    ("performance-m", 2560),
    ("performance-l", 14 * 1024),
    ("performance-l-ram", 30 * 1024),
    ("performance-xl", 62 * 1024),
    ("performance-2xl", 126 * 1024),
];
/// The size of which a process type can have one dyno alone.
const SINGLE: &str = "basic";
const MEBIBYTE: u64 = 1 << 20;

/// The size for a workload: what the settings say, or the smallest that has the
/// memory which the workload may use and lets it have as many copies.
///
/// # Errors
/// When none is big enough.
pub(crate) fn choose(
    setting: Option<&str>,
    memory_bytes: Option<u64>,
    copies: u32,
) -> Result<String, Message> {
    if let Some(size) = setting {
        return Ok(size.to_lowercase());
    }
    let wanted = memory_bytes.unwrap_or_default().div_ceil(MEBIBYTE);
    let fits = |(size, has): &&(&str, u64)| *has >= wanted && (copies < 2 || *size != SINGLE);
    let fitting = BY_MEMORY.iter().find(fits);
    fitting
        .map(|(size, _)| (*size).to_owned())
        .ok_or_else(|| {
            message!(
                "no dyno of Heroku has {wanted} MiB of memory: lower `resources.limits.memory` of the container",
                "ningún dyno de Heroku tiene {wanted} MiB de memoria: baje `resources.limits.memory` del contenedor"
            )
        })
}

/// Whether two words are one size: Heroku writes `Basic` and takes `basic`.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_dyno_that_has_the_memory() {
        for (setting, mebibytes, copies, size) in [
            (None, None, 1, "basic"),
            (None, Some(250), 0, "basic"),
            (None, Some(512), 1, "basic"),
            (None, Some(250), 2, "standard-1x"),
            (None, Some(513), 1, "standard-2x"),
            (None, Some(2000), 3, "performance-m"),
            (None, Some(20_000), 1, "performance-l-ram"),
            (Some("Eco"), None, 1, "eco"),
            (Some("standard-1x"), Some(4000), 1, "standard-1x"),
        ] {
            let bytes = mebibytes.map(|mebibytes: u64| mebibytes * MEBIBYTE);
            assert_eq!(choose(setting, bytes, copies).unwrap(), size);
        }
        assert!(choose(None, Some(u64::MAX), 1).is_err());
        assert!(is_same("Standard-1X", "standard-1x"));
    }
}
