//! The pages, as a browser asks for them.

pub mod access;
pub mod chromium;
pub mod content;
pub mod logs;
pub mod provider;
pub mod session;

use std::collections::BTreeMap;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::redirect::Policy;

use crate::bench::Server;

/// What a browser says it takes.
const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// A browser that follows nothing by itself.
pub struct Browser {
    pub url: String,
    http: Client,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn of(server: &Server) -> Self {
        Self {
            url: server.url.clone(),
            http: Client::builder().redirect(Policy::none()).build().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// One whose person has logged in with a token.
    pub fn with(server: &Server, token: &str) -> Self {
        let mut browser = Self::of(server);
        let came = browser.submit("/login", &[("token", token), ("next", "/")]);
        assert_eq!(came.status(), 303, "{}", came.text().unwrap());
        browser
    }

    pub fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        let url = match path.starts_with("http") {
            true => path.to_owned(),
            false => format!("{}{path}", self.url),
        };
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.http.request(method.parse().unwrap(), url);
        let request = request.header("accept", HTML);
        match cookies.as_slice() {
            [] => request,
            cookies => request.header("cookie", cookies.join("; ")),
        }
    }

    /// Keeps the cookies of an answer.
    pub fn keep(&mut self, answer: Response) -> Response {
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    pub fn get(&self, path: &str) -> Response {
        self.ask("GET", path).send().unwrap()
    }

    /// A page that has to be there.
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text().unwrap());
        answer.text().unwrap()
    }

    /// What forms of this session bring.
    pub fn csrf(&self) -> String {
        let page = self.page("/tokens");
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends a form as a page of this server does.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.ask("POST", path).header("origin", &self.url);
        let answer = form(request, fields).send().unwrap();
        self.keep(answer)
    }

    /// The same, with the token of the session.
    pub fn act(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let csrf = self.csrf();
        let fields = [fields, &[("csrf", csrf.as_str())]].concat();
        self.submit(path, &fields)
    }
}

/// A body as forms have it.
pub fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let encoded = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

/// Every page and form there is, as the server's table of contents has them: method
/// and path.
pub fn routes() -> Vec<(&'static str, String)> {
    const CONTENTS: &str = include_str!("../../../../estiba-server/src/page/mod.rs");
    let project = "/teams/{team}/projects/{project}";
    let environment = format!("{project}/environments/{{environment}}");
    let mut all = Vec::new();
    let contents = CONTENTS.split(".route(").skip(1);
    for route in contents {
        let place = route.split(", get(").next().unwrap();
        let place = place.split(", post(").next().unwrap();
        let path = match place.split_once('"') {
            None if place.contains("PROJECT") => project.to_owned(),
            None => environment.clone(),
            Some((before, rest)) => {
                let rest = rest.split('"').next().unwrap();
                match before.trim() {
                    "&project(" => format!("{project}{rest}"),
                    "&environment(" => format!("{environment}{rest}"),
                    _ => rest.to_owned(),
                }
            }
        };
        for (method, call) in [("GET", "get("), ("POST", "post(")] {
            if route.contains(call) {
                all.push((method, path.clone()));
            }
        }
    }
    assert!(all.len() > 25, "{all:?}");
    all
}
