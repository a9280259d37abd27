use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::error::ShipError;

fn read(text: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, ShipError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::read(Path::new("ship.yaml"), text, |name| {
        variables.get(name).map(|value| (*value).to_owned())
    })
}

fn findings(text: Option<&str>, variables: &[(&str, &str)]) -> Vec<String> {
    match read(text, variables) {
        Err(ShipError::Config(findings)) => findings
            .into_iter()
            .map(|finding| finding.message.en)
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn url(config: &Config) -> &str {
    match &config.sink {
        SinkConfig::Bulk(bulk) => bulk.url.as_str(),
        SinkConfig::Stdout => "stdout",
    }
}

fn login(config: &Config) -> Option<SinkLogin> {
    match &config.sink {
        SinkConfig::Bulk(bulk) => bulk.login.clone(),
        SinkConfig::Stdout => None,
    }
}

#[test]
fn a_sidecar_needs_no_file() {
    let config = read(
        None,
        &[
            ("ESTIBA_SHIP_PATHS", "/data/logs/*.log, /tmp/b.log"),
            ("ESTIBA_SHIP_FIELDS", "team=moria,project=tp2"),
            ("ESTIBA_SHIP_STATE", "/state"),
            ("ESTIBA_SHIP_MULTILINE", "python"),
            ("ESTIBA_SHIP_DRAIN", "5s"),
            ("ESTIBA_SHIP_QUIET", "1s"),
            ("ESTIBA_SHIP_PATH_FIELD", "file"),
            ("LOG_SINK", "https://logs.example.edu"),
            ("LOG_SINK_TOKEN", "s3cret"),
        ],
    )
    .unwrap();
    assert_eq!(config.files[0].paths, ["/data/logs/*.log", "/tmp/b.log"]);
    assert_eq!(
        config.files[0].reading.multiline,
        Some(Joined::Traces(vec![Language::Python]))
    );
    assert_eq!(
        (config.fields["team"].as_str(), config.drain),
        ("moria", Duration::from_secs(5))
    );
    assert_eq!(
        (config.path_field.as_deref(), config.quiet),
        (Some("file"), Duration::from_secs(1))
    );
    assert_eq!(
        url(&config),
        "https://logs.example.edu/logs-estiba-default/_bulk"
    );
    let Some(SinkLogin::Token(token)) = login(&config) else {
        panic!("{config:?}");
    };
    assert_eq!(token.expose(), "s3cret");
}

#[test]
fn addresses_of_sinks() {
    for (to, index, expected) in [
        (
            "http://h:9200",
            None,
            "http://h:9200/logs-estiba-default/_bulk",
        ),
        ("http://h:9200/", Some("mine"), "http://h:9200/mine/_bulk"),
        ("http://h/mine", None, "http://h/mine/_bulk"),
        (
            "http://h/prefix/",
            Some("mine"),
            "http://h/prefix/mine/_bulk",
        ),
        ("http://h/a/_bulk", Some("mine"), "http://h/a/_bulk"),
        ("stdout", None, "stdout"),
    ] {
        let mut variables = vec![("ESTIBA_SHIP_PATHS", "/x"), ("LOG_SINK", to)];
        variables.extend(index.map(|index| ("LOG_SINK_INDEX", index)));
        assert_eq!(url(&read(None, &variables).unwrap()), expected);
    }
    let config = read(
        None,
        &[
            ("ESTIBA_SHIP_PATHS", "/x"),
            ("LOG_SINK", "http://el%40stic:p%2Fw@h:9200"),
        ],
    )
    .unwrap();
    assert_eq!(url(&config), "http://h:9200/logs-estiba-default/_bulk");
    let Some(SinkLogin::Basic { user, password }) = login(&config) else {
        panic!("{config:?}");
    };
    assert_eq!((user.as_str(), password.expose()), ("el@stic", "p/w"));
}

#[test]
fn a_file_says_all() {
    let text = "
files:
- paths: [/a/*.log, /b]
  except: /a/x.log
  format: cri
  multiline: { start: '^\\d', within: 3s }
  fields: { workload: api }
- paths: /c
  parse: none
parse: json
multiline: [java, node]
sample: [{ pattern: ok, one_in: 10 }]
sink: { to: 'http://h', give_up: 1h, batch: 1Mi }
state: /state
buffer: 64Mi
listen: { address: '127.0.0.1:9880' }
longest_line: 64Ki
";
    let config = read(Some(text), &[]).unwrap();
    let [first, second] = &config.files[..] else {
        panic!("{config:?}")
    };
    let start = Joined::Start {
        pattern: "^\\d".into(),
        within: Duration::from_secs(3),
    };
    assert_eq!(
        (first.format, &first.reading.multiline),
        (Format::Cri, &Some(start))
    );
    assert_eq!(
        (first.reading.parse, second.reading.parse),
        (Parse::Json, Parse::None)
    );
    assert_eq!(
        second.reading.multiline,
        Some(Joined::Traces(vec![Language::Java, Language::Node]))
    );
    assert_eq!(second.reading.sample, [("ok".to_owned(), 10)]);
    assert_eq!(
        (config.buffer_bytes, config.limits.bytes),
        (Some(64 << 20), 64 << 10)
    );
}

#[test]
fn every_mistake_is_told() {
    assert_eq!(
        findings(None, &[]),
        ["there is nothing to ship", "no sink is named"]
    );
    let text = "
files:
- paths: '/a/**b'
- format: cri
drop: '('
multiline: cobol
buffer: 1Mi
listen: { address: '0.0.0.0:80' }
metrics: here
sample: [{ pattern: ok, one_in: 10 }, { pattern: GET, one_in: 0 }]
sink: { to: 'ftp://h' }
";
    let found = findings(
        Some(text),
        &[
            ("ESTIBA_SHIP_DRAIN", "soon"),
            ("LOG_SINK_TOKEN_FILE", "/nonexistent"),
        ],
    );
    for part in [
        "no stack traces of \"cobol\"",
        "\"(\" is no regular expression",
        "no pattern of paths",
        "have no `paths`",
        "has no token",
        "\"here\" is no address",
        "one in 0 lines is none",
        "needs a state folder",
        "the sink is no address",
        "ESTIBA_SHIP_DRAIN can't be \"soon\"",
    ] {
        assert!(
            found.iter().any(|message| message.contains(part)),
            "{part}: {found:#?}"
        );
    }
    let Err(ShipError::Config(findings)) = read(Some("files:\n- path: /x\n"), &[]) else {
        panic!("no mistake")
    };
    assert_eq!(findings[0].place.as_ref().unwrap().line, 2);
    let Err(error) = read(Some("{ sink: { to: stdout }, stdin: true, drain: 5 }"), &[]) else {
        panic!("no mistake")
    };
    assert!(error.to_string().contains("not a configuration of ship"));
}

#[test]
fn a_door_may_be_an_address_alone() {
    let with = |listen: &str| {
        read(
            Some(&format!("sink: {{ to: stdout }}\nlisten: {listen}")),
            &[],
        )
    };
    for listen in ["127.0.0.1:9882", "{ address: '127.0.0.1:9882' }"] {
        let address = with(listen).unwrap().listen.unwrap().address;
        assert_eq!(address.to_string(), "127.0.0.1:9882");
    }
    for (listen, said) in [
        ("here", "\"here\" is no address to listen at"),
        ("{ address: here }", "\"here\" is no address to listen at"),
        ("[]", "expected an address such as 127.0.0.1:9880"),
        (
            "{ address: '127.0.0.1:1', tokenfile: x }",
            "unknown field `tokenfile`",
        ),
    ] {
        let Err(ShipError::Config(findings)) = with(listen) else {
            panic!("no mistake in {listen}")
        };
        assert!(findings[0].message.en.contains(said), "{findings:?}");
        assert_eq!(findings[0].place.as_ref().unwrap().line, 2, "{findings:?}");
    }
}

#[test]
fn secrets_do_not_print() {
    assert!(
        !format!(
            "{:?}",
            read(
                None,
                &[("ESTIBA_SHIP_STDIN", "1"), ("LOG_SINK", "http://:s3cret@h")]
            )
        )
        .contains("s3cret")
    );
}
