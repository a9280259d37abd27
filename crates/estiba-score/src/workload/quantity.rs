//! Amounts of CPU and memory.

use estiba_model::{Quantities, message};

use super::node::{Findings, Node};

pub(super) fn read(node: &Node<'_>, found: &mut Findings<'_>) -> Quantities {
    Quantities {
        cpu_millis: amount(node, "cpu", cpu_millis, found),
        memory_bytes: amount(node, "memory", memory_bytes, found),
    }
}

/// Limits below what is requested: Kubernetes refuses them, while the
/// specification's own sample has them.
pub(super) fn check_order(
    limits: &Node<'_>,
    (limit, request): (Quantities, Quantities),
    found: &mut Findings<'_>,
) {
    let pairs = [
        ("cpu", limit.cpu_millis, request.cpu_millis),
        ("memory", limit.memory_bytes, request.memory_bytes),
    ];
    for (key, limit, request) in pairs {
        let (Some(limit), Some(request), Some(node)) = (limit, request, limits.get(key)) else {
            continue;
        };
        if limit < request {
            found.warning(
                "limit-below-request",
                found.value(&node),
                message!(
                    "the limit of {key} is below what the container requests",
                    "el límite de {key} está por debajo de lo que el contenedor solicita"
                ),
                message!(
                    "raise the limit or lower the request",
                    "suba el límite o baje lo solicitado"
                ),
            );
        }
    }
}

fn amount(
    node: &Node<'_>,
    key: &str,
    parse: fn(&str) -> Option<u128>,
    found: &mut Findings<'_>,
) -> Option<u64> {
    let node = node.get(key)?;
    let text = node.value.as_str()?;
    match u64::try_from(parse(text)?) {
        Ok(0) => {
            found.error(
                "out-of-range",
                found.value(&node),
                message!(
                    "nothing can run with no {key}",
                    "nada puede ejecutarse sin {key}"
                ),
                message!(
                    "write a larger amount, or remove the key",
                    "escriba una cantidad mayor, o quite la clave"
                ),
            );
            None
        }
        Ok(amount) => Some(amount),
        Err(_) => {
            found.error(
                "out-of-range",
                found.value(&node),
                message!(
                    "{text} is more {key} than can be counted",
                    "{text} de {key} es más de lo que se puede contar"
                ),
                message!("write a smaller amount", "escriba una cantidad menor"),
            );
            None
        }
    }
}

/// `2`, `0.25` or `250m`, in thousandths of a core; parts of one round up.
pub fn cpu_millis(text: &str) -> Option<u128> {
    match text.strip_suffix('m') {
        Some(millis) => whole(millis),
        None => scaled(text, 1000),
    }
}

/// `1.5Gi` in bytes; parts of one round up.
pub fn memory_bytes(text: &str) -> Option<u128> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (base, letter): (u128, &str) = match text[digits.len()..].strip_suffix('i') {
        Some(letter) => (1024, letter),
        None => (1000, &text[digits.len()..]),
    };
    let power = match letter {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        "E" => 6,
        _ => return None,
    };
    scaled(digits, base.pow(power))
}

/// A decimal number times `scale`, rounded up. Exact, as far as the numbers
/// that anyone writes go; larger ones saturate.
fn scaled(text: &str, scale: u128) -> Option<u128> {
    // More places are less than a byte of the largest unit.
    const MOST_PLACES: usize = 18;
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let places = &fraction[..fraction.len().min(MOST_PLACES)];
    let rest = fraction
        .get(places.len()..)
        .is_some_and(|rest| rest.contains(|c| c != '0'));
    let one = 10u128.pow(places.len() as u32);
    let part = if places.is_empty() { 0 } else { whole(places)? };
    let part = (part + u128::from(rest))
        .saturating_mul(scale)
        .div_ceil(one);
    Some(whole(integer)?.saturating_mul(scale).saturating_add(part))
}

fn whole(text: &str) -> Option<u128> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits that don't fit are more than anything has.
    Some(text.parse().unwrap_or(u128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_in_thousandths() {
        for (text, millis) in [
            ("2", 2000),
            ("125m", 125),
            ("0.24", 240),
            ("0.025", 25),
            ("0.0001", 1),
            ("1.5", 1500),
            ("0", 0),
        ] {
            assert_eq!(cpu_millis(text), Some(millis), "{text}");
        }
        assert_eq!(cpu_millis("x"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let cases = [
            ("128M", 128_000_000),
            ("10Gi", 10 << 30),
            ("1.5Gi", 3 << 29),
            ("0.5Ki", 512),
            ("1024", 1024),
            ("0.1", 1),
            ("0.3333333333333333333333333Ki", 342),
        ];
        for (text, bytes) in cases {
            assert_eq!(memory_bytes(text), Some(bytes), "{text}");
        }
        assert_eq!(memory_bytes("1Kx"), None);
        assert!(
            memory_bytes("99999999999999999999999999999999999999999Ei").unwrap()
                > u128::from(u64::MAX)
        );
    }
}
