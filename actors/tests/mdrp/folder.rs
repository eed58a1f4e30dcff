//! Reads a folder of the public meal delivery routing instances as a day to play.

use std::{error::Error, fs, path::Path};

use foodcourt_actors::dispatch::matcher::{
    StraightLine,
    day::Script,
    instance::{Tables, read},
};

/// The day in `folder`. Another `seed` renames everybody, so that ties fall differently and luck with them shows.
pub fn load(folder: &Path, seed: u128) -> Result<(Script, StraightLine), Box<dyn Error>> {
    let text = |name: &str| fs::read_to_string(folder.join(name));
    let (parameters, restaurants) = (text("instance_parameters.txt")?, text("restaurants.txt")?);
    let (couriers, orders) = (text("couriers.txt")?, text("orders.txt")?);
    let tables = Tables { parameters: &parameters, restaurants: &restaurants, couriers: &couriers, orders: &orders };
    let instance = read(&tables, seed)?;
    Ok((instance.script, instance.travel))
}
