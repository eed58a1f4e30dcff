//! Reads a folder of the public meal delivery routing instances as a day to play.

use std::{collections::HashMap, error::Error, fs, path::Path};

use foodcourt_actors::dispatch::matcher::{
    Order, Place, Rules, StraightLine,
    day::{Script, Shift},
};

fn table(path: &Path) -> Result<Vec<HashMap<String, String>>, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let head: Vec<&str> = lines.next().ok_or("an empty table")?.split('\t').collect();
    Ok(lines
        .map(|line| {
            head.iter().zip(line.split('\t')).map(|(name, value)| (name.to_string(), value.to_owned())).collect()
        })
        .collect())
}

fn number(row: &HashMap<String, String>, name: &str) -> Result<i64, Box<dyn Error>> {
    Ok(row.get(name).ok_or_else(|| format!("no column {name}"))?.parse::<f64>()? as i64)
}

fn place(row: &HashMap<String, String>) -> Result<Place, Box<dyn Error>> {
    Ok(Place { x: number(row, "x")? as f64, y: number(row, "y")? as f64 })
}

/// Another order of the names, so that ties fall differently.
fn name(id: &str, seed: u128) -> u128 {
    let n: u128 = id[1..].parse().unwrap_or(0);
    if seed == 0 { n } else { (n.wrapping_mul(2_654_435_761).wrapping_add(seed * 7_919)) % 1_000_003 * 10_000 + n }
}

/// The day in `folder`. Another `seed` renames everybody, so that ties fall differently and luck with them shows.
pub fn load(folder: &Path, seed: u128) -> Result<(Script, StraightLine), Box<dyn Error>> {
    let row = &table(&folder.join("instance_parameters.txt"))?[0];
    let rules = Rules {
        tick: 60,
        pickup_half: number(row, "pickup service minutes")? * 30,
        dropoff_half: number(row, "dropoff service minutes")? * 30,
        never: number(row, "maximum click-to-door")? * 120,
        bundle_max: 8,
    };
    let travel = StraightLine { metres_per_step: number(row, "meters_per_minute")? as f64, step: 60 };
    let mut shops = HashMap::new();
    let mut places = Vec::new();
    for row in table(&folder.join("restaurants.txt"))? {
        shops.insert(row["restaurant"].clone(), places.len());
        places.push(place(&row)?);
    }
    let rows = table(&folder.join("couriers.txt"))?;
    let shifts = rows.iter().map(|row| {
        Ok(Shift {
            courier: name(&row["courier"], seed),
            at: place(row)?,
            on: number(row, "on_time")? * 60,
            off: number(row, "off_time")? * 60,
        })
    });
    let shifts = shifts.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let rows = table(&folder.join("orders.txt"))?;
    let orders = rows.iter().map(|row| {
        Ok(Order {
            key: name(&row["order"], seed),
            shop: shops[&row["restaurant"]],
            door: place(row)?,
            placed: number(row, "placement_time")? * 60,
            ready: number(row, "ready_time")? * 60,
            size: 1,
        })
    });
    let orders = orders.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    Ok((Script { shops: places, shifts, orders, rules }, travel))
}
