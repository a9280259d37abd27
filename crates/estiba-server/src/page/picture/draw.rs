//! Where each part is drawn: people at the left, then workloads, resources and
//! services outside; a target is around what is on it.

use std::collections::HashMap;
use std::fmt::Write;

use askama::filters::{Html, escape};
use estiba_model::message;

use super::{Health, Part, Picture, Used};

const WIDE: i32 = 168;
const HIGH: i32 = 52;
/// Between columns.
const ACROSS: i32 = 92;
/// Between rows.
const DOWN: i32 = 24;
/// From the edge of a target to what is in it.
const INSIDE: i32 = 20;
/// For the name of a target.
const NAME: i32 = 30;

/// A place in the drawing: its upper left corner.
#[derive(Clone, Copy)]
struct Spot {
    x: i32,
    y: i32,
}

#[derive(Hash, PartialEq, Eq)]
enum Node {
    People,
    Workload(String),
    Resource(String),
    Outside(String),
}

/// Targets are behind lines, and lines behind boxes.
struct Drawing {
    targets: String,
    edges: String,
    boxes: String,
    spots: HashMap<Node, Spot>,
}

pub(super) fn svg(picture: &Picture) -> String {
    let mut drawing = Drawing {
        targets: String::new(),
        edges: String::new(),
        boxes: String::new(),
        spots: HashMap::new(),
    };
    let has_people = !picture.reached.is_empty();
    let first = if has_people { WIDE + ACROSS } else { 0 };
    let has_resources = picture.targets.iter().any(|t| !t.resources.is_empty());
    let columns = if has_resources { 2 } else { 1 };
    let target_wide = columns * WIDE + (columns - 1) * ACROSS + 2 * INSIDE;
    let mut y = 0;
    for target in &picture.targets {
        let rows = target.workloads.len().max(target.resources.len());
        let rows = i32::try_from(rows).unwrap_or(i32::MAX / 1000);
        let high = NAME + rows * (HIGH + DOWN) - DOWN + INSIDE;
        drawing.target(
            first,
            y,
            target_wide,
            high,
            target.name.as_str(),
            &target.kind,
        );
        let x = first + INSIDE;
        for (row, part) in (0..).zip(&target.workloads) {
            let spot = Spot {
                x,
                y: y + NAME + row * (HIGH + DOWN),
            };
            drawing.part(Node::Workload(part.id.clone()), spot, part, "");
        }
        for (row, part) in (0..).zip(&target.resources) {
            let x = x + WIDE + ACROSS;
            let spot = Spot {
                x,
                y: y + NAME + row * (HIGH + DOWN),
            };
            drawing.part(Node::Resource(part.id.clone()), spot, part, "");
        }
        y += high + DOWN;
    }
    let lang = picture.lang;
    if has_people {
        let part = Part {
            id: message!("people", "personas").text(lang).to_owned(),
            kind: message!("from outside", "desde afuera")
                .text(lang)
                .to_owned(),
            health: Health::Unknown,
        };
        drawing.part(Node::People, Spot { x: 0, y: NAME }, &part, "outside");
    }
    let mut wide = first + target_wide;
    let mut outside_y = NAME;
    for host in &picture.outside {
        // Beside who calls it, as far as there is room.
        let users = picture.uses.iter().filter(|one| one.what.is_outside(host));
        let users = users.map(|one| Node::Workload(one.workload.to_string()));
        let beside = users.filter_map(|user| Some(drawing.spots.get(&user)?.y));
        outside_y = outside_y.max(beside.min().unwrap_or_default());
        let part = Part {
            id: host.clone(),
            kind: message!("outside", "afuera").text(lang).to_owned(),
            health: Health::Unknown,
        };
        let x = first + target_wide + ACROSS;
        wide = x + WIDE;
        drawing.part(
            Node::Outside(host.clone()),
            Spot { x, y: outside_y },
            &part,
            "outside",
        );
        outside_y += HIGH + DOWN;
    }
    for name in &picture.reached {
        drawing.edge(&Node::People, &Node::Workload(name.to_string()));
    }
    for one in &picture.uses {
        let from = Node::Workload(one.workload.to_string());
        drawing.edge(
            &from,
            &match &one.what {
                Used::Workload(name) => Node::Workload(name.to_string()),
                Used::Resource(id) => Node::Resource(id.clone()),
                Used::Outside(host) => Node::Outside(host.clone()),
            },
        );
    }
    let high = y.max(outside_y) - DOWN;
    let title = escaped(&picture.title);
    let words: Vec<String> = picture
        .sentences()
        .iter()
        .map(|m| m.text(lang).to_owned())
        .collect();
    let words = escaped(&words.join(". "));
    let Drawing {
        targets,
        edges,
        boxes,
        ..
    } = drawing;
    format!(
        "<svg viewBox=\"-2 -2 {} {}\" role=\"img\" aria-labelledby=\"drawn drawn-words\"><title id=\"drawn\">{title}</title><desc id=\"drawn-words\">{words}</desc><defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0 8 4 0 8z\"/></marker></defs>{targets}{edges}{boxes}</svg>",
        wide + 4,
        high + 4,
    )
}

impl Drawing {
    fn target(&mut self, x: i32, y: i32, wide: i32, high: i32, name: &str, kind: &str) {
        let (name, kind) = (escaped(name), escaped(kind));
        let (at_x, at_y) = (x + INSIDE, y + 20);
        // Writing to a text does not fail.
        let _ = write!(
            self.targets,
            "<rect class=\"target\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"8\"/><text class=\"kind\" x=\"{at_x}\" y=\"{at_y}\">{name} ({kind})</text>",
        );
    }

    fn part(&mut self, node: Node, spot: Spot, part: &Part, class: &str) {
        let Spot { x, y } = spot;
        let (health, mark) = match part.health {
            Health::Unknown => ("", ""),
            Health::Well => ("well", "✓ "),
            Health::Ill => ("ill", "✗ "),
        };
        let (name, kind) = (escaped(&shortened(&part.id)), escaped(&part.kind));
        let (text_x, name_y, kind_y) = (x + 12, y + 23, y + 41);
        let _ = write!(
            self.boxes,
            "<rect class=\"box {health} {class}\" x=\"{x}\" y=\"{y}\" width=\"{WIDE}\" height=\"{HIGH}\" rx=\"6\"/><text x=\"{text_x}\" y=\"{name_y}\">{mark}{name}</text><text class=\"kind\" x=\"{text_x}\" y=\"{kind_y}\">{kind}</text>",
        );
        self.spots.insert(node, spot);
    }

    fn edge(&mut self, from: &Node, to: &Node) {
        let (Some(from), Some(to)) = (self.spots.get(from), self.spots.get(to)) else {
            return;
        };
        let (y1, y2) = (from.y + HIGH / 2, to.y + HIGH / 2);
        let path = if from.x == to.x {
            // In one column, around its left side.
            let (x, bow) = (from.x, from.x - 34);
            format!("M{x} {y1}C{bow} {y1} {bow} {y2} {x} {y2}")
        } else {
            let (x1, x2) = (from.x + WIDE, to.x);
            let half = (x1 + x2) / 2;
            format!("M{x1} {y1}C{half} {y1} {half} {y2} {x2} {y2}")
        };
        let _ = write!(
            self.edges,
            "<path class=\"edge\" d=\"{path}\" marker-end=\"url(#arrow)\"/>"
        );
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 18;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    escape(text, Html).map_or_else(|never| match never {}, |text| text.to_string())
}
