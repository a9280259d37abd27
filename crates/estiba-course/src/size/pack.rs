//! How many nodes a number of instances need.

use estiba_model::Quantities;

/// The room of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub offers: Quantities,
    pub pods: Option<u32>,
}

/// Nodes that are filled one after another, the largest instances first: what a
/// scheduler does nearly too. None where an instance is larger than a node.
pub(super) fn nodes(instances: &[Quantities], room: Room) -> Option<u32> {
    let cpu = room.offers.cpu_millis.unwrap_or(u64::MAX);
    let memory = room.offers.memory_bytes.unwrap_or(u64::MAX);
    let pods = room.pods.unwrap_or(u32::MAX);
    let mut sorted: Vec<(u64, u64)> = instances
        .iter()
        .map(|one| (one.cpu_millis.unwrap_or(0), one.memory_bytes.unwrap_or(0)))
        .collect();
    if pods == 0 && !sorted.is_empty() {
        return None;
    }
    let share = |(c, m): &(u64, u64)| {
        let of = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        of(*c, cpu).max(of(*m, memory))
    };
    sorted.sort_by(|a, b| share(b).total_cmp(&share(a)));
    let mut free: Vec<(u64, u64, u32)> = Vec::new();
    for (c, m) in sorted {
        let fitting = free
            .iter_mut()
            .find(|(cpu, memory, pods)| *cpu >= c && *memory >= m && *pods > 0);
        match fitting {
            Some(node) => *node = (node.0 - c, node.1 - m, node.2 - 1),
            None => free.push((cpu.checked_sub(c)?, memory.checked_sub(m)?, pods - 1)),
        }
    }
    u32::try_from(free.len()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(cpu: u64, memory: u64) -> Quantities {
        Quantities {
            cpu_millis: Some(cpu),
            memory_bytes: Some(memory),
        }
    }

    #[test]
    fn nodes_are_filled_by_what_runs_out_first() {
        let room = |pods| Room {
            offers: amount(1000, 100),
            pods,
        };
        type Case = (&'static str, Vec<Quantities>, Option<u32>, Option<u32>);
        let cases: [Case; 7] = [
            ("nothing", vec![], None, Some(0)),
            ("by memory", vec![amount(10, 50); 3], None, Some(2)),
            ("by CPU", vec![amount(500, 1); 5], None, Some(3)),
            ("by pods", vec![amount(1, 1); 5], Some(2), Some(3)),
            ("too large", vec![amount(1, 101)], None, None),
            // 60 and 40, 60 and 40: not 60, 60, and 40 with 40.
            (
                "the largest first",
                vec![amount(0, 40), amount(0, 60), amount(0, 40), amount(0, 60)],
                None,
                Some(2),
            ),
            ("no pods", vec![amount(0, 1)], Some(0), None),
        ];
        for (what, instances, pods, expected) in cases {
            assert_eq!(nodes(&instances, room(pods)), expected, "{what}");
        }
    }
}
