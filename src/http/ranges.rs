//! What numbers may be, in the words of the trade: by the name of their field, which says the unit as well. For numbers
//! that are none, or larger than any number of a machine; the rules of the services say the same of all others.

/// The range of a field; `None`: only its type bounds it.
#[must_use]
pub fn range_of(field: &str) -> Option<&'static str> {
    Some(match field {
        "quantity" => "a whole number from 1 to 99",
        "amount" | "delivery_fee" => "a whole number from 0 to 1000000000, in minor units (cents)",
        "by_min" => "1 to 120 minutes, a whole number",
        "prep_min" => "1 to 240 minutes, a whole number",
        "answer_within_s" => "10 to 3600 seconds, a whole number",
        "open_tickets_max" => "a whole number from 1 to 100000",
        "capacity" => "1 to 5 deliveries at once, a whole number",
        "delivery_radius_m" => "100 to 50000 metres, a whole number",
        "service_fee_basis_points" | "fee_tax_basis_points" | "tax_basis_points" => {
            "a whole number from 0 to 10000 (hundredths of a percent)"
        }
        "from_min" => "0 to 1439 minutes since midnight, a whole number",
        "to_min" => "1 to 2880 minutes since midnight, a whole number",
        "min" => "a whole number from 0 to 50",
        "max" => "a whole number from 1 to 50",
        "count" => "a whole number from 1 to 200",
        _ => return None,
    })
}

/// The keys of opening hours.
pub const WEEKDAY: &str = "a weekday, 1 (Monday) to 7 (Sunday)";
