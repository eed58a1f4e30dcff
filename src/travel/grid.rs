//! Places on a grid, so that trips from one kerb to another are asked once and remembered for their neighbours too.

use foodcourt_actors::place::{EARTH_RADIUS_M, Position};

/// A grid of nearly square cells.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Degrees of latitude across a cell.
    cell_deg: f64,
}

/// A cell of one grid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cell {
    row: i32,
    column: i32,
}

impl Grid {
    /// Cells of `metres` by `metres`, at least one.
    #[must_use]
    pub fn new(metres: u32) -> Self {
        Self { cell_deg: (f64::from(metres.max(1)) / EARTH_RADIUS_M).to_degrees() }
    }
    /// The cell around `place`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "cells of a metre number 20 million from pole to pole")]
    pub fn cell(&self, place: Position) -> Cell {
        let row = (place.lat() / self.cell_deg).round();
        Cell { row: row as i32, column: (place.lon() / self.across(row)).round() as i32 }
    }
    /// The middle of `cell`.
    #[must_use]
    pub fn middle(&self, cell: Cell) -> Position {
        let row = f64::from(cell.row);
        let lat = (row * self.cell_deg).clamp(-90.0, 90.0);
        let lon = (f64::from(cell.column) * self.across(row)).clamp(-180.0, 180.0);
        Position::new(lat, lon).expect("clamped onto the globe")
    }
    /// Degrees of longitude across a cell of `row`: as many metres as the cell is high.
    fn across(&self, row: f64) -> f64 {
        self.cell_deg / (row * self.cell_deg).to_radians().cos().max(0.01)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The middle of a place's cell is in that cell, and no farther than half its diagonal.
        #[test]
        fn a_cell_is_near_its_places(lat in -80.0..80.0f64, lon in -179.0..179.0f64, metres in 10u32..500) {
            let (grid, place) = (Grid::new(metres), Position::new(lat, lon).unwrap());
            let cell = grid.cell(place);
            prop_assert_eq!(grid.cell(grid.middle(cell)), cell);
            prop_assert!(grid.middle(cell).distance_m(place) <= f64::from(metres) * 0.71 + 1.0);
        }
    }
}
