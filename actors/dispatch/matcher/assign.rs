//! Exact assignment at the least total cost, over sparse candidate lists: shortest augmenting paths with potentials, as
//! Jonker and Volgenant (1987) build them, searched with a heap so that a row only looks at its neighbourhood.

use std::{cmp::Ordering, collections::BinaryHeap};

const NONE: u32 = u32::MAX;

#[derive(PartialEq)]
struct Reached {
    distance: f64,
    column: u32,
}

impl Eq for Reached {}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap pops the greatest: the nearest, and of equals the lowest column.
        other.distance.total_cmp(&self.distance).then(other.column.cmp(&self.column))
    }
}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Gives every row one of its columns, none twice, at the least total cost. `rows` lists for each row its columns
/// (below `columns`) with their finite costs; the answer is a column for each row.
///
/// A row for which there is no column left answers `None`; the caller who wants none left out gives each row a column
/// of its own at the price of leaving it out. Ties go to the lowest numbers, so the answer is the same every time.
pub fn assign(rows: &[Vec<(u32, f64)>], columns: usize) -> Vec<Option<u32>> {
    let mut price = vec![0.0_f64; columns];
    let mut holder = vec![NONE; columns];
    let mut held = vec![NONE; rows.len()];
    let mut distance = vec![f64::INFINITY; columns];
    let mut from = vec![NONE; columns];
    let mut done = vec![false; columns];
    let mut touched: Vec<u32> = Vec::new();
    let mut heap = BinaryHeap::new();
    for start in 0..rows.len() {
        // Dijkstra over alternating paths; reduced costs stay at or above 0 because prices only ever fall.
        let mut row = start;
        let mut so_far = 0.0;
        let end = loop {
            let own = match held[row] {
                NONE => {
                    rows[row].iter().map(|(column, cost)| cost - price[*column as usize]).fold(f64::INFINITY, f64::min)
                }
                column => cost_of(&rows[row], column) - price[column as usize],
            };
            for (column, cost) in &rows[row] {
                let at = *column as usize;
                if done[at] {
                    continue;
                }
                let through = so_far + (cost - price[at] - own);
                if through < distance[at] {
                    if distance[at].is_infinite() {
                        touched.push(*column);
                    }
                    distance[at] = through;
                    from[at] = u32::try_from(row).expect("rows are fewer than 2^32");
                    heap.push(Reached { distance: through, column: *column });
                }
            }
            let next = loop {
                match heap.pop() {
                    Some(reached) if done[reached.column as usize] => {}
                    other => break other,
                }
            };
            let Some(Reached { distance: nearest, column }) = next else { break None };
            done[column as usize] = true;
            so_far = nearest;
            match holder[column as usize] {
                NONE => break Some(column),
                other => row = other as usize,
            }
        };
        if let Some(end) = end {
            for column in &touched {
                let at = *column as usize;
                if done[at] {
                    price[at] += distance[at] - so_far;
                }
            }
            let mut column = end;
            loop {
                let row = from[column as usize] as usize;
                holder[column as usize] = from[column as usize];
                let before = std::mem::replace(&mut held[row], column);
                if row == start {
                    break;
                }
                column = before;
            }
        }
        for column in touched.drain(..) {
            let at = column as usize;
            (distance[at], from[at], done[at]) = (f64::INFINITY, NONE, false);
        }
        heap.clear();
    }
    held.into_iter().map(|column| (column != NONE).then_some(column)).collect()
}

fn cost_of(row: &[(u32, f64)], column: u32) -> f64 {
    row.iter().find(|(other, _)| *other == column).map_or(f64::INFINITY, |(_, cost)| *cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::matcher::dice::Dice;

    fn total(rows: &[Vec<(u32, f64)>], held: &[Option<u32>]) -> f64 {
        rows.iter().zip(held).map(|(row, column)| cost_of(row, column.unwrap())).sum()
    }

    /// The least total over all ways, by trying them.
    fn least(rows: &[Vec<(u32, f64)>], taken: u32) -> f64 {
        let Some((row, rest)) = rows.split_first() else { return 0.0 };
        let free = row.iter().filter(|(column, _)| taken & (1 << column) == 0);
        free.map(|(column, cost)| cost + least(rest, taken | 1 << column)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn costs_no_more_than_any_other_way() {
        let mut dice = Dice::new(7);
        for _ in 0..400 {
            let (count, columns) = (1 + dice.below(6), 8);
            let rows: Vec<Vec<(u32, f64)>> = (0..count)
                .map(|row| {
                    let own = 8 + u32::try_from(row).unwrap();
                    let mut list = vec![(own, 60.0)];
                    for column in 0..columns {
                        if dice.below(3) > 0 {
                            list.push((column, f64::from(u32::try_from(dice.below(50)).unwrap())));
                        }
                    }
                    list
                })
                .collect();
            let held = assign(&rows, 8 + count);
            let mut columns: Vec<u32> = held.iter().map(|column| column.unwrap()).collect();
            columns.sort_unstable();
            columns.dedup();
            assert_eq!(columns.len(), rows.len(), "a column was given twice");
            assert!((total(&rows, &held) - least(&rows, 0)).abs() < 1e-9);
        }
    }
}
