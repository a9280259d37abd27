use std::path::Path;

use estiba_course::size::{Size, Terms, UnknownSize, demands, size};
use estiba_course::{Course, Prices, prices};
use jiff::civil::{Date, date};

use crate::support::{Folder, name};

const PRICES: &str = "\
currency: USD
sizes:
  small: { cpu: 1, memory: 1Gi, pods: 10, reserved: { memory: 128Mi }, system: { cpu: 100m, pods: 2 }, month: 10, date: 2026-11-01, source: 'https://example.edu/prices' }
  large: { cpu: 4, memory: 8Gi, month: 40, date: 2026-11-01, source: 'https://example.edu/prices' }
  dyno: { per: instance, cpu: 1, memory: 512Mi, month: 7, database-month: 5, date: 2026-11-01, source: 'https://example.edu/prices' }
";

fn today() -> Date {
    date(2026, 11, 29)
}

fn read(folder: &Folder, text: &str) -> Prices {
    folder.write("prices.yaml", text);
    prices(Some(&folder.path("prices.yaml"))).unwrap()
}

/// A course of so many teams that is only sketched.
fn sketched(teams: usize, more: &str) -> (Folder, Course) {
    let teams: Vec<String> = (0..teams)
        .map(|number| format!("t{number}x: {{}}"))
        .collect();
    let text = format!(
        "course: memo2
targets: {{ aks: {{ kind: kubernetes }} }}
environments: {{ test: {{ on: aks }}, prod: {{ on: aks, replicas: {{ api: 2 }} }} }}
workloads:
  api: {{ requests: {{ cpu: 100m, memory: 256Mi }}, limits: {{ memory: 512Mi }}, database: true }}
  bot: {{ limits: {{ cpu: 100m, memory: 64Mi }} }}
{more}
teams: {{ {} }}
",
        teams.join(", ")
    );
    let folder = Folder::new(&text);
    let course = folder.course();
    (folder, course)
}

fn sized(teams: usize, more: &str) -> Size {
    let (folder, course) = sketched(teams, more);
    let prices = read(&folder, PRICES);
    size(&demands(&course), &course.size, &prices, today()).unwrap()
}

#[test]
fn requests_are_added_up_over_teams_and_environments() {
    let size = sized(7, "size: { nodes: { aks: small } }");
    let target = &size.targets[0];
    let rows: Vec<_> = target
        .rows
        .iter()
        .map(|row| {
            let requests = row.requests;
            let memory = requests.memory_bytes.unwrap() >> 20;
            (
                row.workload.as_str(),
                row.copies,
                requests.cpu_millis.unwrap(),
                memory,
            )
        })
        .collect();
    // Two environments, and two copies of the API in one of them; a bot that says its
    // limits alone requests a tenth of the CPU and all of the memory.
    let expected = [
        ("api", 21, 2100, 21 * 256),
        ("bot", 14, 140, 14 * 64),
        ("postgres", 14, 14 * 50, 14 * 128),
    ];
    assert_eq!(rows, expected);
    assert_eq!(
        target.limits.memory_bytes.unwrap() >> 20,
        21 * 512 + 14 * 64
    );
    // 896 MiB and 8 pods a node: three of the API and two small ones.
    assert_eq!(target.offers.unwrap().memory_bytes.unwrap() >> 20, 896);
    let fit_by_hand = (22 * 256_u32 + 14 * 128 + 14 * 64).div_ceil(896);
    assert_eq!(target.nodes, Some(fit_by_hand));
    assert_eq!(size.month, Some(f64::from(fit_by_hand) * 10.0));
    assert!(size.fits && size.changes.is_empty());
}

#[test]
fn the_size_that_costs_least_is_taken_where_none_is_said() {
    let target = &sized(7, "").targets[0];
    assert_eq!(target.node.as_deref(), Some("large"));
    assert_eq!((target.nodes, target.month), (Some(2), Some(80.0)));
}

#[test]
fn what_does_not_fit_the_budget_is_told_with_what_would() {
    let size = sized(7, "size: { budget: 70, nodes: { aks: small } }");
    assert!(!size.fits);
    let changes: Vec<(String, f64, bool)> = size
        .changes
        .iter()
        .map(|change| (change.what.en.clone(), change.month, change.fits))
        .collect();
    let expected = [
        (
            "no prod for 4 of 7 teams (`without: [prod]`)".to_owned(),
            70.0,
            true,
        ),
        (
            "request 63 % of it (api: 100m 256Mi → 63m 161Mi; bot: 10m 64Mi → 6m 40Mi)".to_owned(),
            70.0,
            true,
        ),
    ];
    let fitting: Vec<_> = changes.iter().filter(|change| change.2).cloned().collect();
    assert_eq!(fitting, expected, "{changes:#?}");
    for change in changes.iter().filter(|change| !change.2) {
        assert!(change.1 > 70.0, "{change:?}");
    }
    let words: Vec<&str> = changes.iter().map(|change| change.0.as_str()).collect();
    for part in [
        "request ",
        "no prod for ",
        "one copy of api",
        "share one PostgreSQL",
    ] {
        assert!(
            words.iter().any(|word| word.contains(part)),
            "{part}: {words:#?}"
        );
    }
}

#[test]
fn an_instance_larger_than_a_node_is_told() {
    let more = "size: { nodes: { aks: small }, database: { cpu: 1, memory: 2Gi } }";
    let size = sized(1, more);
    assert_eq!((size.month, size.fits), (None, false));
    assert_eq!(size.targets[0].nodes, None);
    let larger = &size.changes[0];
    assert!(larger.fits && larger.what.en.contains("large"), "{size:#?}");
}

#[test]
fn what_is_paid_by_the_instance_is_counted_so() {
    let size = sized(7, "size: { nodes: { aks: dyno } }");
    let target = &size.targets[0];
    assert_eq!(target.nodes, Some(35));
    assert_eq!(target.month, Some(35.0 * 7.0 + 14.0 * 5.0));
}

#[test]
fn a_project_is_reckoned_by_its_score_files() {
    let folder = Folder::new(
        "course: memo2\nproject: tp2\nenvironments: { prod: { resources: { postgres: { url-from: PG } } } }\nteams: { moria: {}, rohan: { without: [prod] } }\n",
    );
    let course = folder.course();
    let all = demands(&course);
    let short: Vec<_> = all
        .iter()
        .map(|one| {
            (
                one.team.as_str(),
                one.environment.as_str(),
                one.workload.as_str(),
                one.copies,
                one.databases,
            )
        })
        .collect();
    let expected = [
        ("moria", "test", "api", 1, 1),
        ("moria", "test", "bot", 1, 0),
        ("moria", "prod", "api", 2, 0),
        ("moria", "prod", "bot", 1, 0),
        ("rohan", "test", "api", 1, 1),
        ("rohan", "test", "bot", 1, 0),
    ];
    assert_eq!(short, expected);
    assert_eq!(all[0].part.requests.cpu_millis, Some(50));
    assert_eq!(all[1].part.requests.cpu_millis, Some(20));
    // Two databases on this machine are on one server.
    let terms = Terms::default();
    let size = size(&all, &terms, &read(&folder, PRICES), today()).unwrap();
    let postgres = size.targets[0].rows.last().unwrap();
    assert_eq!(
        (postgres.workload.as_str(), postgres.copies),
        ("postgres", 1)
    );
}

#[test]
fn a_size_without_a_price_is_told() {
    let (folder, course) = sketched(1, "size: { nodes: { aks: huge } }");
    let prices = read(&folder, PRICES);
    let unknown = size(&demands(&course), &course.size, &prices, today()).unwrap_err();
    let (target, size) = (name("aks"), "huge".to_owned());
    assert_eq!(unknown, [UnknownSize { target, size }]);
}

#[test]
fn a_target_that_there_is_not_is_told_with_those_there_are() {
    let (_folder, course) = sketched(1, "");
    let named = [name("aks"), name("akss")];
    let unknown = course.unknown_targets(named.iter());
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].message.en.contains("akss"), "{unknown:?}");
    let hint = unknown[0].hint.as_ref().unwrap();
    assert_eq!(hint.en, "it can be: aks");
}

#[test]
fn old_prices_are_told_to_be() {
    let (folder, course) = sketched(1, "size: { nodes: { aks: small } }");
    let prices = read(&folder, PRICES);
    let notes = |today| {
        let sized = size(&demands(&course), &course.size, &prices, today);
        sized.unwrap().notes
    };
    assert!(notes(date(2027, 5, 1)).is_empty());
    let old = notes(date(2027, 5, 30));
    assert!(old[0].en.contains("2026-11-01"), "{old:?}");
    assert!(old[0].en.contains("https://example.edu/prices"), "{old:?}");
}

#[test]
fn the_shipped_prices_are_sound() {
    let shipped = prices(None).unwrap();
    assert!(shipped.all.contains_key("azure-b2s"));
    assert_eq!(
        shipped.all.keys().next().unwrap(),
        "azure-b2s",
        "in their order"
    );
    for (name, price) in &shipped.all {
        assert!(price.source.starts_with("https://"), "{name}");
        assert!(price.offers.memory_bytes.unwrap() > 0, "{name}");
    }
}

#[test]
fn mistakes_in_prices_have_their_lines() {
    let folder = Folder::new("");
    folder.write(
        "prices.yaml",
        "currency: USD\nsizes:\n  a: { cpu: 1, memory: 1Gi, month: -1, date: 2026-11-01, source: x }\n  b: { cpu: 1, memory: 1Gi, reserved: { memory: 2Gi }, month: 1, date: 2026-11-01, source: x }\n  c: { cpu: 1, memory: 1Gi, month: 1, date: 2026-13-01, source: x, moon: 1 }\n",
    );
    let found = prices(Some(&folder.path("prices.yaml"))).unwrap_err();
    let mut lines: Vec<usize> = found
        .iter()
        .map(|one| one.place.as_ref().unwrap().line)
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [3, 4, 5, 5]);
    assert_eq!(
        prices(Some(Path::new("/nowhere.yaml"))).unwrap_err().len(),
        1
    );
}
