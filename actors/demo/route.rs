//! Ways through the street network: the nearest point on a street, and the shortest way between two.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::streets::Stretch;

/// A point on a stretch of street.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnStreet {
    pub at: [f64; 2],
    pub stretch: usize,
}

/// A network ready for questions. Lengths in whole millimetres, so that they are ordered without ado.
#[derive(Debug)]
pub(super) struct Network {
    pub crossings: Vec<[f64; 2]>,
    pub stretches: Vec<Stretch>,
    neighbours: Vec<Vec<(usize, u64)>>,
}

/// Metres between two points of the flat map.
pub(super) fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a town's distances are small and positive"
)]
fn millimetres(a: [f64; 2], b: [f64; 2]) -> u64 {
    (apart(a, b) * 1_000.0) as u64
}

impl Network {
    pub(super) fn new(crossings: Vec<[f64; 2]>, stretches: Vec<Stretch>) -> Self {
        let mut neighbours = vec![Vec::new(); crossings.len()];
        for stretch in &stretches {
            let length = millimetres(crossings[stretch.from], crossings[stretch.to]);
            neighbours[stretch.from].push((stretch.to, length));
            neighbours[stretch.to].push((stretch.from, length));
        }
        Self { crossings, stretches, neighbours }
    }

    /// The nearest point on any street. Looks at all of them: there are about five hundred.
    pub(super) fn snap(&self, at: [f64; 2]) -> OnStreet {
        let nearest = |stretch: &Stretch| {
            let (a, b) = (self.crossings[stretch.from], self.crossings[stretch.to]);
            let (along, length) = ([b[0] - a[0], b[1] - a[1]], apart(a, b).max(0.001));
            let part = ((at[0] - a[0]) * along[0] + (at[1] - a[1]) * along[1]) / (length * length);
            let part = part.clamp(0.0, 1.0);
            [a[0] + along[0] * part, a[1] + along[1] * part]
        };
        self.stretches
            .iter()
            .enumerate()
            .map(|(stretch, ends)| OnStreet { at: nearest(ends), stretch })
            .min_by(|a, b| apart(a.at, at).total_cmp(&apart(b.at, at)))
            .unwrap_or(OnStreet { at, stretch: 0 })
    }

    /// The shortest way along streets, both ends included (Dijkstra 1959).
    pub(super) fn way(&self, from: OnStreet, to: OnStreet) -> Vec<[f64; 2]> {
        if from.stretch == to.stretch {
            return vec![from.at, to.at];
        }
        let ends = |point: OnStreet| [self.stretches[point.stretch].from, self.stretches[point.stretch].to];
        let mut best = vec![(u64::MAX, usize::MAX); self.crossings.len()];
        let mut open = BinaryHeap::new();
        for end in ends(from) {
            let length = millimetres(from.at, self.crossings[end]);
            best[end] = (length, usize::MAX);
            open.push(Reverse((length, end)));
        }
        while let Some(Reverse((length, here))) = open.pop() {
            if length > best[here].0 {
                continue; // a shorter way came later
            }
            for (next, more) in &self.neighbours[here] {
                if length + more < best[*next].0 {
                    best[*next] = (length + more, here);
                    open.push(Reverse((length + more, *next)));
                }
            }
        }
        let last = ends(to)
            .into_iter()
            .min_by_key(|end| best[*end].0.saturating_add(millimetres(self.crossings[*end], to.at)));
        let mut way = vec![to.at];
        let mut step = last.unwrap_or(usize::MAX);
        while let Some(at) = self.crossings.get(step) {
            way.push(*at);
            step = best[step].1;
        }
        way.push(from.at);
        way.reverse();
        way
    }
}
