//! How unevenly something falls on people, as one number.

/// How unevenly `values` fall: Gini's coefficient, 0 (all the same) to 1 (one has all).
#[must_use]
pub fn gini(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
    if sum <= 0.0 {
        return 0.0;
    }
    let ranked: f64 = values.iter().zip(1_u32..).map(|(value, rank)| f64::from(rank) * value).sum();
    2.0 * ranked / (count * sum) - (count + 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unevenness_has_a_number() {
        assert_eq!((gini(vec![]), gini(vec![0.0; 3]), gini(vec![2.0; 4])), (0.0, 0.0, 0.0));
        assert!((gini(vec![0.0, 0.0, 0.0, 9.0]) - 0.75).abs() < 1e-9);
    }
}
