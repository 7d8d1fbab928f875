//! From a path to its most specific route, at a cost that grows with the path and not with the number of
//! routes: a tree of segments.

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

use crate::policy::pattern::{End, Pattern, Segment};

/// The routes of a site as a tree of segments.
#[derive(Clone, Debug, Default)]
pub struct Router {
    nodes: Vec<Node>,
}

/// What stands under the segments that lead here; routes by their numbers.
#[derive(Clone, Debug, Default)]
struct Node {
    literal: HashMap<Box<[u8]>, usize, ByOctets>,
    capture: Option<usize>,
    here: Option<usize>,
    folder: Option<usize>,
    rest: Option<usize>,
}

impl Router {
    /// A tree of these patterns, numbered in their order. Of two that are alike, the first holds.
    pub fn new<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Self {
        let mut router = Self { nodes: vec![Node::default()] };
        for (route, pattern) in patterns.enumerate() {
            let mut at = 0;
            for segment in pattern.segments() {
                at = router.child(at, segment);
            }
            if let Some(node) = router.nodes.get_mut(at) {
                let end = match pattern.end() {
                    End::Exact => &mut node.here,
                    End::Slash => &mut node.folder,
                    End::Rest => &mut node.rest,
                };
                end.get_or_insert(route);
            }
        }
        router
    }

    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let child = match segment {
            Segment::Literal(text) => *node.literal.entry(text.clone()).or_insert(new),
            Segment::Capture(_) => *node.capture.get_or_insert(new),
        };
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    /// The number of the route that a decoded path falls under, and the offset of what is left of the path
    /// behind the route's own segments. What is said literally goes before what is captured, and that before
    /// the rest of a path.
    #[must_use]
    pub fn route(&self, path: &[u8]) -> Option<(usize, usize)> {
        self.below(0, path, 1, &mut ())
    }

    /// The route under node `at` for what follows the slash before `from`. It comes back from a branch
    /// that led nowhere, which costs at most a visit to each node of the operator's.
    fn below(
        &self,
        at: usize,
        path: &[u8],
        from: usize,
        steps: &mut impl Steps,
    ) -> Option<(usize, usize)> {
        steps.step();
        let node = self.nodes.get(at)?;
        let rest = node.rest.map(|route| (route, from - 1));
        if node.literal.is_empty() && node.capture.is_none() && node.folder.is_none() {
            return rest;
        }
        let left = path.get(from..).unwrap_or_default();
        if left.is_empty() {
            return node.folder.map(|route| (route, from - 1)).or(rest);
        }
        let length = left.iter().position(|octet| *octet == b'/');
        let to = length.map_or(path.len(), |length| from + length);
        let literal = match node.literal.is_empty() {
            true => None,
            false => node.literal.get(path.get(from..to).unwrap_or_default()).copied(),
        };
        let mut behind = |child| self.behind(child, path, (from, to), steps);
        literal.and_then(&mut behind).or_else(|| node.capture.and_then(behind)).or(rest)
    }

    /// The route under a node that the segment from `from` to `to` led to.
    fn behind(
        &self,
        at: usize,
        path: &[u8],
        (from, to): (usize, usize),
        steps: &mut impl Steps,
    ) -> Option<(usize, usize)> {
        if to < path.len() {
            return self.below(at, path, to + 1, steps);
        }
        steps.step();
        let node = self.nodes.get(at)?;
        // A folder's name without its slash leads to the folder.
        node.here.map(|route| (route, from - 1)).or(node.rest.map(|route| (route, to)))
    }
}

/// Counts the nodes that are visited; in earnest nobody does, and it costs nothing.
trait Steps {
    fn step(&mut self);
}

impl Steps for () {
    fn step(&mut self) {}
}

/// Hashes short octet strings quickly. Only the operator's are kept, so nobody else can make them collide.
pub(crate) type ByOctets = BuildHasherDefault<Octets>;

/// A multiplying hash of octets, eight at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Octets(u64);

impl Hasher for Octets {
    fn write(&mut self, octets: &[u8]) {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = self.0 ^ octets.len() as u64;
        let (words, tail) = octets.as_chunks::<8>();
        for word in words {
            hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
            hash ^= hash >> 29;
        }
        for octet in tail {
            hash = (hash ^ u64::from(*octet)).wrapping_mul(FACTOR);
        }
        self.0 = hash ^ (hash >> 32);
    }

    fn write_usize(&mut self, _length: usize) {
        // The length of the octets is hashed with them.
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Steps for usize {
        fn step(&mut self) {
            *self += 1;
        }
    }

    fn router(patterns: impl Iterator<Item = String>) -> Router {
        let patterns: Vec<_> = patterns.map(|text| Pattern::parse(&text).unwrap()).collect();
        Router::new(patterns.iter())
    }

    fn visits(router: &Router, path: &str) -> usize {
        let mut visits = 0;
        let _ = router.below(0, path.as_bytes(), 1, &mut visits);
        visits
    }

    /// A look-up costs what its path costs: a node a segment, and one more for each branch that led nowhere.
    #[test]
    fn more_routes_are_no_more_visits() {
        let sites = [10, 100, 10_000].map(|count| {
            let routes = (0..count).flat_map(|i| {
                [format!("/r{i}/old"), format!("/r{i}/{{a}}/b"), format!("/u/{{a}}/r{i}/*")]
            });
            router(routes.chain(["/*".to_owned()]))
        });
        for path in
            ["/", "/r7/old", "/r7/x/b", "/r7/x/c", "/u/x/r9/a/b/c", "/u/x/none", "/none/a/b"]
        {
            let [few, some, many] = sites.each_ref().map(|router| visits(router, path));
            assert_eq!((few, some), (some, many), "{path}");
            let segments = path.split('/').count();
            assert!(many <= segments + 1, "{path}: {many} visits");
        }
    }

    /// Where each segment can be taken in two ways, as many nodes are visited as the operator made.
    #[test]
    fn whatever_the_routes_no_node_is_visited_twice() {
        let ways = |depth: u32| {
            (0..1_u32 << depth).map(move |bits| {
                let part =
                    |i| if bits >> i & 1 == 0 { "/a".to_owned() } else { format!("/{{c{i}}}") };
                (0..depth).map(part).collect::<String>()
            })
        };
        let router = router(ways(7));
        assert_eq!(visits(&router, "/a/a/a/a/a/a/a"), 8);
        assert_eq!(visits(&router, "/a/a/a/a/a/a/a/b"), router.nodes.len());
        assert_eq!(visits(&router, &"/a".repeat(4000)), router.nodes.len());
    }
}
