use serde_json::json;

use super::*;

#[test]
fn moments_at_the_start_of_texts() {
    for (text, expected) in [
        ("2026-01-02T03:04:05Z x", "2026-01-02T03:04:05Z"),
        ("[2026-01-02 03:04:05,123] x", "2026-01-02T03:04:05.123Z"),
        ("2026/01/02 03:04:05 x", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.5+02:00", "2026-01-02T01:04:05.5Z"),
        ("2026-01-02 03:04:05 -0300 x", "2026-01-02T06:04:05Z"),
        ("2026-01-02T03:04:60Z", "2026-01-02T03:04:59Z"),
        ("<11>1 2026-01-02T03:04:05Z h", "2026-01-02T03:04:05Z"),
        ("2026-01-02 03:04:05 - app", "2026-01-02T03:04:05Z"),
    ] {
        let (at, _) = at_start(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(at.to_string(), expected, "{text}");
    }
    for text in [
        "",
        "2026-13-02T03:04:05Z",
        "2026-01-02T25:04:05Z",
        "x2026-01-02T03:04:05Z",
        "2026-01-02x03:04:05",
        "20a6-01-02T03:04:05Z",
    ] {
        assert_eq!(at_start(text), None, "{text}");
    }
}

#[test]
fn a_zone_that_was_not_said_is_told() {
    let has_zone = |text: &str| at_start(text).unwrap().1;
    assert!(has_zone("2026-01-02T03:04:05Z x"));
    assert!(has_zone("2026-01-02 03:04:05 -03 x"));
    assert!(!has_zone("2026-01-02 03:04:05 - app"));
}

#[test]
fn every_form_is_one_moment() {
    let at: Timestamp = "2026-05-01T12:00:00.25Z".parse().unwrap();
    for value in [
        json!("2026-05-01T12:00:00.250Z"),
        json!("2026-05-01T09:00:00.25-03:00"),
        json!("2026-05-01 12:00:00,250"),
        json!("2026-05-01T12:00:00.25"),
        json!(" 2026/05/01 12:00:00.25 "),
        json!("2026-05-01 12:00:00.25 +0000 UTC m=+0.1"),
        json!("2026-05-01 12:00:00.25 UTC"),
        json!("2026-05-01T12:00:00.25+00:00[UTC]"),
        json!("20260501T120000.25Z"),
        json!(1_777_636_800.25),
        json!("1777636800.25"),
        json!(1_777_636_800_250_u64),
        json!(1_777_636_800_250.0),
        json!("1777636800250"),
        json!(1_777_636_800_250_000_u64),
        json!(1_777_636_800_250_000_000_u64),
    ] {
        assert_eq!(of_value(&value), Some(at), "{value}");
        assert_eq!(of_json(&value.to_string()), Some(at), "{value}");
        assert_eq!(parse_time(&value), Some(at), "{value}");
    }
    let minute = of_json("\"2026-05-01T12:00Z\"").map(|at| at.to_string());
    assert_eq!(minute.as_deref(), Some("2026-05-01T12:00:00Z"));
}

#[test]
fn what_is_no_moment_is_none() {
    for value in [
        json!("yesterday"),
        json!(""),
        json!("inf"),
        json!("12:00:00"),
        json!("2026-05-01T12:00:00||-1d"),
        json!("2026-05-01 12:00:00 and later"),
        json!("99999-01-01T00:00:00Z"),
        json!(null),
        json!({}),
        json!(true),
        json!(1e300),
    ] {
        assert_eq!(of_value(&value), None, "{value}");
        assert_eq!(of_json(&value.to_string()), None, "{value}");
        assert_eq!(parse_time(&value), None, "{value}");
    }
    assert_eq!(of_json("\""), None);
}

#[test]
fn a_line_is_of_no_small_number_and_of_no_day() {
    for (value, end) in [
        (json!(12), "1970-01-01T00:00:12Z"),
        (json!("12"), "1970-01-01T00:00:12Z"),
        (json!(0.5), "1970-01-01T00:00:00.5Z"),
        (json!(-1), "1969-12-31T23:59:59Z"),
        (json!(99_999_999_999_u64), "5138-11-16T09:46:39Z"),
        (json!("2026-05-01"), "2026-05-01T00:00:00Z"),
        (json!("2026-05-01T12:30"), "2026-05-01T12:30:00Z"),
    ] {
        assert_eq!(of_value(&value), None, "{value}");
        assert_eq!(of_json(&value.to_string()), None, "{value}");
        let end = end.parse().unwrap();
        assert_eq!(parse_time(&value), Some(end), "{value}");
    }
}

#[test]
fn only_the_end_of_a_search_has_microseconds() {
    let text = "2026-05-01T12:00:00.123456789Z";
    assert_eq!(of_text(text), text.parse().ok());
    let end = "2026-05-01T12:00:00.123456Z".parse().ok();
    assert_eq!(parse_time(&json!(text)), end);
}
