//! Policies side by side on a page of its own: the table, how long customers waited, and how that changed over the day.
//! Plain HTML and SVG: no script, nothing fetched, legible without colour and in the dark.

use std::fmt::Write as _;

use super::{
    AS_IT_WAS, Column,
    table::{FIGURES, title},
};

/// The charts' size and margins, in units of their own.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 64.0;
/// Colour (a custom property) and dashes of each policy; beyond that they begin anew.
const STYLES: [(&str, &str); 5] =
    [("--a", "none"), ("--b", "9 5"), ("--c", "2 5"), ("--d", "14 5 2 5"), ("--e", "6 3 2 3 2 3")];

const STYLE: &str = ":root{color-scheme:light dark;--paper:#fffdf8;--ink:#2a1a12;--soft:#6b5648;--line:#e6d8c6;--a:#a92c1a;--b:#1f6b48;\
--c:#5d2a50;--d:#7a4c00;--e:#1d4f80}\
@media(prefers-color-scheme:dark){:root{--paper:#1d1512;--ink:#f7ede2;--soft:#c3b1a2;--line:#4a3a31;--a:#ff8a70;--b:#6cc795;--c:#d59ac6;\
--d:#f6b84a;--e:#7fb6e8}}\
body{margin:0 auto;padding:1.5rem;max-width:60rem;background:var(--paper);color:var(--ink);font:17px/1.5 system-ui,sans-serif}\
h1,h2{line-height:1.15}table{border-collapse:collapse;width:100%}.wide{overflow-x:auto}\
th,td{padding:.45rem .8rem .45rem 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}\
th:first-child{text-align:left;font-weight:400}thead th{font-weight:700;white-space:normal;overflow-wrap:anywhere;min-width:4.2rem}\
figure{margin:2rem 0}figcaption{margin-bottom:.6rem}svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:13px}\
.grid{stroke:var(--line)}.axis{stroke:var(--soft)}path.curve,svg.key path{fill:none;stroke-width:3}\
ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.6rem}svg.key{width:3rem;height:.9rem;display:inline-block;margin-right:.5rem}\
p.small{color:var(--soft);font-size:.9rem}\
@media(max-width:40rem){body{padding:1rem;font-size:16px}h1{font-size:1.5rem}h2{font-size:1.25rem}table{font-size:.85rem}\
th:first-child{white-space:normal;min-width:7rem}th,td{padding-right:.5rem}svg text{font-size:25px}path.curve{stroke-width:5}}";

/// The page.
pub fn html(days: &[&str], columns: &[Column]) -> String {
    let mut page = String::new();
    let heading = format!("{} under {}", title(days), list(columns));
    let heading = escaped(&heading);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    writeln!(page, "<title>{heading} · foodcourt replay</title>\n<style>{STYLE}</style>\n</head>").expect(INTO_TEXT);
    writeln!(page, "<body>\n<main>\n<h1>{heading}</h1>").expect(INTO_TEXT);
    if days.len() > 1 {
        writeln!(page, "<p>All orders of {}.</p>", escaped(&days.join(", "))).expect(INTO_TEXT);
    }
    page.push_str(&table(columns));
    page.push_str(&waits(columns));
    page.push_str(&hours(columns));
    // Only where riders are asked there are offers.
    let lived = match columns.iter().any(|column| column.all.offers.is_some()) {
        true => {
            "riders answer as they did that day, others as they mostly do, and ride as fast as they did; kitchens are ready when \
             they were"
        }
        false => "every rider goes where they are sent, and kitchens are ready when they were",
    };
    writeln!(
        page,
        "<p class=\"small\">Played by <code>foodcourt replay</code>: {lived}. An order that never came counts at the price of \
         never.</p>\n</main>\n</body>\n</html>"
    )
    .expect(INTO_TEXT);
    page
}

const INTO_TEXT: &str = "text can always be written to";

fn list(columns: &[Column]) -> String {
    columns
        .iter()
        .filter(|column| column.name != AS_IT_WAS)
        .map(|column| column.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn table(columns: &[Column]) -> String {
    let mut html = "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Figures\"><table>\n<thead><tr><th scope=\"col\">Figure</th>".to_owned();
    for column in columns {
        write!(html, "<th scope=\"col\">{}</th>", escaped(&column.name)).expect(INTO_TEXT);
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for figure in FIGURES {
        write!(html, "<tr><th scope=\"row\">{}</th>", figure.says).expect(INTO_TEXT);
        for column in columns {
            write!(html, "<td>{}</td>", (figure.tell)(&column.all.outcome())).expect(INTO_TEXT);
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

/// One curve a policy, over axes from zero to the greatest there is.
struct Chart {
    name: &'static str,
    heading: &'static str,
    says: String,
    across: &'static str,
    from: f64,
    curves: Vec<Vec<(f64, f64)>>,
    /// What a height is called.
    height: fn(f64) -> String,
    /// The top of the heights.
    most: f64,
}

#[expect(clippy::cast_precision_loss, reason = "orders of some days")]
fn waits(columns: &[Column]) -> String {
    let curve = |column: &Column| {
        let waits = column.all.waits_min();
        let all = waits.len().max(1) as f64;
        waits.iter().enumerate().map(|(number, wait)| (*wait, (number + 1) as f64 / all)).collect()
    };
    let told = columns.iter().map(|column| {
        let one = column.all.outcome();
        let (half, most) = (one.click_to_door_p50_min, one.click_to_door_p90_min);
        format!("{}: half within {half:.0} minutes, nine of ten within {most:.0}", column.name)
    });
    let chart = Chart {
        name: "waits",
        heading: "How long customers waited",
        says: told.collect::<Vec<_>>().join(". "),
        across: "minutes from click to door",
        from: 0.0,
        curves: columns.iter().map(curve).collect(),
        height: |share| format!("{:.0} %", share * 100.0),
        most: 1.0,
    };
    chart.drawn(columns)
}

fn hours(columns: &[Column]) -> String {
    let curves: Vec<Vec<(f64, f64)>> = columns
        .iter()
        .map(|column| column.all.by_hour().into_iter().map(|(hour, mean)| (f64::from(hour), mean)).collect())
        .collect();
    let from = curves.iter().flatten().map(|point| point.0).fold(24.0, f64::min);
    let most = curves.iter().flatten().map(|point| point.1).fold(1.0, f64::max);
    let worst = columns.iter().zip(&curves).filter_map(|(column, curve)| {
        let (hour, mean) = curve.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(format!("{}: longest at {hour:.0} o'clock, {mean:.0} minutes", column.name))
    });
    let chart = Chart {
        name: "hours",
        heading: "Mean wait by the hour in which the order was placed, minutes",
        says: worst.collect::<Vec<_>>().join(". "),
        across: "hour of the day, UTC",
        from: from.min(23.0),
        height: |minutes| format!("{minutes:.0}"),
        most,
        curves,
    };
    chart.drawn(columns)
}

impl Chart {
    fn drawn(&self, columns: &[Column]) -> String {
        let to = self.curves.iter().flatten().map(|point| point.0).fold(self.from + 1.0, f64::max);
        let x = |value: f64| LEFT + (value - self.from) / (to - self.from) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / self.most * (HEIGHT - TOP - BOTTOM);
        let mut svg = String::new();
        for part in 0..=4 {
            let value = self.most * f64::from(part) / 4.0;
            let (at, word) = (y(value), (self.height)(value));
            write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
                WIDTH - RIGHT
            )
            .expect(INTO_TEXT);
            write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{word}</text>", LEFT - 8.0, at + 5.0)
                .expect(INTO_TEXT);
        }
        let mut value = self.from.ceil();
        let step = step(to - self.from);
        while value <= to {
            write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.0}</text>",
                x(value),
                HEIGHT - 38.0
            )
            .expect(INTO_TEXT);
            value += step;
        }
        let middle = LEFT.midpoint(WIDTH - RIGHT);
        write!(svg, "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", HEIGHT - 8.0, self.across)
            .expect(INTO_TEXT);
        let base = y(0.0);
        write!(
            svg,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{base:.1}\" y2=\"{base:.1}\"/>",
            WIDTH - RIGHT
        )
        .expect(INTO_TEXT);
        let mut keys = String::new();
        for (number, (curve, column)) in self.curves.iter().zip(columns).enumerate() {
            let (colour, dashes) = STYLES[number % STYLES.len()];
            let style = format!("style=\"stroke:var({colour});stroke-dasharray:{dashes}\"");
            let points: Vec<String> =
                curve.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
            // One point alone is a dot: a line to itself with a round end.
            let dot = if points.len() == 1 { "h0\" stroke-linecap=\"round\" stroke-width=\"9" } else { "" };
            if !points.is_empty() {
                write!(svg, "<path class=\"curve\" {style} d=\"M{}{dot}\"/>", points.join("L")).expect(INTO_TEXT);
            }
            let name = escaped(&column.name);
            write!(keys, "<li><svg class=\"key\" viewBox=\"0 0 48 14\" aria-hidden=\"true\"><path {style} d=\"M0,7L48,7\"/></svg>{name}</li>")
                .expect(INTO_TEXT);
        }
        let Self { name, heading, .. } = self;
        let says = escaped(&self.says);
        format!(
            "<figure>\n<figcaption><h2 id=\"{name}\">{heading}</h2><ul>{keys}</ul></figcaption>\n\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{name} {name}-says\"><desc \
             id=\"{name}-says\">{says}</desc>{svg}</svg>\n<p class=\"small\">{says}.</p>\n</figure>\n"
        )
    }
}

/// A distance between numbers on an axis that leaves room for about ten of them.
fn step(span: f64) -> f64 {
    [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0].into_iter().find(|step| span / step <= 12.0).unwrap_or(120.0)
}

#[cfg(test)]
mod tests {
    use foodcourt_actors::dispatch::what_if::{DayPlayed, OrderPlayed};

    use super::*;

    fn column(name: &str, waits_min: &[i64]) -> Column {
        let order = |min: &i64| OrderPlayed { placed: 3_600 * 12, click_to_door: min * 60, late: 0, delivered: true };
        let all = DayPlayed { orders: waits_min.iter().map(order).collect(), ..DayPlayed::default() };
        Column { name: name.to_owned(), means_min: vec![all.outcome().click_to_door_mean_min], all }
    }

    #[test]
    fn a_page_needs_nothing_but_itself_and_says_what_it_shows() {
        let page = html(&["2026-11-20"], &[column("nearest", &[30, 40]), column("matcher <b>", &[20, 25])]);
        for wanted in ["matcher &lt;b&gt;", "half within 20 minutes", "<td>22.50</td>", "role=\"img\"", "lang=\"en\""] {
            assert!(page.contains(wanted), "no {wanted} in {page}");
        }
        for foreign in ["<script", "http:", "https:", "<b>", "NaN", "inf"] {
            assert!(!page.contains(foreign), "{foreign} in {page}");
        }
    }

    #[test]
    fn the_day_as_it_was_is_no_policy_and_a_single_hour_is_a_dot() {
        let page = html(&["2026-11-20"], &[column(AS_IT_WAS, &[30]), column("matcher", &[20])]);
        assert!(page.contains("<h1>2026-11-20 under matcher</h1>") && page.contains(">as it was</th>"), "{page}");
        assert_eq!(page.matches("h0\" stroke-linecap=\"round\"").count(), 4, "one order, one hour, two curves: {page}");
    }

    #[test]
    fn a_day_without_orders_is_drawn_too() {
        let page = html(&["a", "b"], &[column("nearest", &[])]);
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
}
