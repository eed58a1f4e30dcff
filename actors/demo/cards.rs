//! The cards of the demo kitchens, as tables. Food carries 7 % tax, drinks 19 %, both contained in the price.

use uuid::Uuid;

use super::{DemoKitchen, district::TIME_ZONE, kitchen_id, kranhalle, schleuse};
use crate::{
    ids::{ItemId, KitchenId, ModifierId},
    kitchen::{
        event::Opened,
        menu::{Hours, Menu, MenuItem, Modifier, ModifierGroup},
    },
    money::{Currency, Money},
};

/// Name, section, price in cents, description, groups.
type Dish = (&'static str, &'static str, i64, &'static str, &'static [Group]);
/// Question, min, max, options with what they add in cents.
type Group = (&'static str, u32, u32, &'static [(&'static str, i64)]);

struct Card {
    word: &'static str,
    name: &'static str,
    cuisine: &'static str,
    prep_min: u32,
    dishes: &'static [Dish],
}

const DRINKS: &str = "Drinks";

const SPICE: Group = ("How hot?", 1, 1, &[("Mild", 0), ("Medium", 0), ("Hot", 0)]);
const BROTH: Group = ("Choose your broth", 1, 1, &[("Tonkotsu", 0), ("Shoyu", 0), ("Miso", 50)]);
const RAMEN_EXTRA: Group =
    ("Add to your bowl", 0, 4, &[("Ajitama egg", 180), ("Extra noodles", 250), ("Nori", 100), ("Chili oil", 80)]);
const PIZZA_SIZE: Group = ("Size", 1, 1, &[("30 cm", 0), ("36 cm", 350)]);
const PIZZA_EXTRA: Group = (
    "Extra toppings",
    0,
    5,
    &[("Buffalo mozzarella", 250), ("Mushrooms", 150), ("Salami", 200), ("Rocket", 150), ("Olives", 120)],
);
const SALSA: Group = ("Salsas", 1, 2, &[("Verde", 0), ("Roja", 0), ("Habanero", 0), ("Mango", 40)]);
const TACO_EXTRA: Group = ("Extras", 0, 3, &[("Guacamole", 220), ("Sour cream", 90), ("Pickled onions", 60)]);
const CURRY_SIDE: Group = ("Choose a side", 1, 1, &[("Basmati rice", 0), ("Naan", 120), ("Both", 250)]);
const BOWL_BASE: Group = ("Base", 1, 1, &[("Sushi rice", 0), ("Quinoa", 80), ("Baby leaves", 0)]);
const BOWL_DRESSING: Group = ("Dressing", 1, 1, &[("Sesame", 0), ("Lime", 0), ("Peanut", 0), ("No dressing", 0)]);
const BOWL_EXTRA: Group =
    ("Toppings", 0, 4, &[("Avocado", 190), ("Feta", 150), ("Smoked tofu", 200), ("Salmon", 390), ("Seeds", 70)]);
const MILK: Group = ("Milk", 1, 1, &[("Whole milk", 0), ("Oat", 40), ("Soy", 40)]);
const SHOT: Group = ("Make it stronger", 0, 2, &[("Extra shot", 90), ("Vanilla syrup", 60)]);
const SCOOPS: Group = ("Scoops", 1, 3, &[("Vanilla", 0), ("Dark chocolate", 0), ("Raspberry", 0), ("Pistachio", 60)]);
const DUMPLING: Group = ("Choose a side", 1, 1, &[("Bread dumpling", 0), ("Potato salad", 0), ("Fried potatoes", 80)]);

const CARDS: [Card; 7] = [
    Card {
        word: "ramen",
        name: "Nord Ramen",
        cuisine: "Ramen and gyoza",
        prep_min: 9,
        dishes: &[
            ("Chashu Ramen", "Ramen", 1_390, "Braised pork belly, spring onion, bamboo.", &[BROTH, RAMEN_EXTRA]),
            ("Chicken Paitan", "Ramen", 1_320, "Creamy chicken broth, grilled thigh, leek.", &[RAMEN_EXTRA]),
            ("Spicy Tantan", "Ramen", 1_420, "Sesame, minced pork, pak choi.", &[SPICE, RAMEN_EXTRA]),
            ("Mushroom Ramen", "Ramen", 1_290, "Roasted mushrooms in kombu broth. Vegan.", &[RAMEN_EXTRA]),
            ("Pork Gyoza", "Small plates", 650, "Six, pan-fried.", &[]),
            ("Edamame", "Small plates", 450, "With sea salt.", &[]),
            ("Karaage", "Small plates", 720, "Fried chicken with lemon mayonnaise.", &[]),
            ("Green Tea", DRINKS, 320, "Sencha, hot.", &[]),
            ("Yuzu Lemonade", DRINKS, 390, "Made here.", &[]),
        ],
    },
    Card {
        word: "pizza",
        name: "Forno al Porto",
        cuisine: "Pizza from the wood oven",
        prep_min: 11,
        dishes: &[
            ("Margherita", "Pizza", 950, "Tomato, mozzarella, basil.", &[PIZZA_SIZE, PIZZA_EXTRA]),
            ("Diavola", "Pizza", 1_190, "Spicy salami, chili honey.", &[PIZZA_SIZE, PIZZA_EXTRA]),
            ("Funghi", "Pizza", 1_150, "Field mushrooms, thyme, taleggio.", &[PIZZA_SIZE, PIZZA_EXTRA]),
            ("Prosciutto e Rucola", "Pizza", 1_350, "Raw ham, rocket, parmesan.", &[PIZZA_SIZE, PIZZA_EXTRA]),
            ("Marinara", "Pizza", 850, "Tomato, garlic, oregano. Vegan.", &[PIZZA_SIZE, PIZZA_EXTRA]),
            ("Focaccia", "Small plates", 490, "Rosemary and sea salt.", &[]),
            ("Burrata", "Small plates", 890, "With tomatoes and basil oil.", &[]),
            ("Chinotto", DRINKS, 350, "Bitter orange, 0.33 l.", &[]),
            ("Sparkling Water", DRINKS, 280, "0.5 l.", &[]),
        ],
    },
    Card {
        word: "tacos",
        name: "Taquería Luz",
        cuisine: "Tacos and burritos",
        prep_min: 7,
        dishes: &[
            ("Tacos al Pastor", "Tacos", 990, "Three, with pork and pineapple.", &[SALSA, TACO_EXTRA]),
            ("Tacos de Pescado", "Tacos", 1_090, "Three, with fried cod and slaw.", &[SALSA, TACO_EXTRA]),
            ("Tacos de Nopal", "Tacos", 920, "Three, with grilled cactus. Vegan.", &[SALSA, TACO_EXTRA]),
            ("Burrito Grande", "Burritos", 1_150, "Beef, beans, rice, cheese.", &[SALSA, TACO_EXTRA]),
            ("Quesadilla", "Burritos", 850, "Cheese and poblano.", &[SALSA]),
            ("Elote", "Small plates", 480, "Grilled corn, lime, cotija.", &[SPICE]),
            ("Nachos", "Small plates", 620, "With beans and cheese.", &[TACO_EXTRA]),
            ("Agua de Jamaica", DRINKS, 340, "Hibiscus, iced.", &[]),
        ],
    },
    Card {
        word: "curry",
        name: "Nilgiri Curry House",
        cuisine: "South Indian curries",
        prep_min: 12,
        dishes: &[
            ("Butter Chicken", "Curries", 1_290, "Tomato, fenugreek, cream.", &[SPICE, CURRY_SIDE]),
            ("Lamb Chettinad", "Curries", 1_490, "Pepper, coconut, star anise.", &[SPICE, CURRY_SIDE]),
            ("Chana Masala", "Curries", 1_050, "Chickpeas and ginger. Vegan.", &[SPICE, CURRY_SIDE]),
            ("Fish Moilee", "Curries", 1_450, "Cod in coconut milk.", &[SPICE, CURRY_SIDE]),
            ("Masala Dosa", "From the plate", 980, "Crisp crêpe, potatoes, sambar.", &[]),
            ("Vegetable Samosa", "Small plates", 490, "Two, with tamarind.", &[]),
            ("Raita", "Small plates", 290, "Cucumber and mint.", &[]),
            ("Mango Lassi", DRINKS, 420, "Yoghurt and mango.", &[]),
            ("Masala Chai", DRINKS, 330, "Spiced tea with milk.", &[]),
        ],
    },
    Card {
        word: "bowls",
        name: "Grünzeug",
        cuisine: "Salads and bowls",
        prep_min: 6,
        dishes: &[
            ("Garden Bowl", "Bowls", 1_090, "Broccoli, carrot, edamame.", &[BOWL_BASE, BOWL_DRESSING, BOWL_EXTRA]),
            ("Salmon Bowl", "Bowls", 1_390, "Salmon, mango, cucumber.", &[BOWL_BASE, BOWL_DRESSING, BOWL_EXTRA]),
            ("Falafel Bowl", "Bowls", 1_150, "Hummus, beetroot, mint.", &[BOWL_BASE, BOWL_DRESSING, BOWL_EXTRA]),
            ("Caesar Salad", "Salads", 990, "Romaine, croutons, parmesan.", &[BOWL_EXTRA]),
            ("Lentil Salad", "Salads", 920, "Beluga lentils, feta, parsley.", &[BOWL_EXTRA]),
            ("Soup of the Day", "Soups", 650, "With sourdough bread.", &[]),
            ("Ginger Shot", DRINKS, 290, "Ginger, apple, lemon.", &[]),
        ],
    },
    Card {
        word: "sweets",
        name: "Zuckerkran",
        cuisine: "Desserts and coffee",
        prep_min: 4,
        dishes: &[
            ("Cinnamon Bun", "Baked", 380, "With cardamom.", &[]),
            ("Basque Cheesecake", "Baked", 490, "Burnt on top, soft inside.", &[]),
            ("Apple Crumble", "Baked", 450, "Warm, with vanilla sauce.", &[]),
            ("Ice Cream", "Cold", 420, "One to three scoops.", &[SCOOPS]),
            ("Affogato", "Cold", 480, "Vanilla ice cream under an espresso.", &[]),
            ("Espresso", DRINKS, 240, "From the roaster next door.", &[SHOT]),
            ("Cappuccino", DRINKS, 340, "Double shot.", &[MILK, SHOT]),
            ("Flat White", DRINKS, 360, "Double ristretto.", &[MILK, SHOT]),
            ("Hot Chocolate", DRINKS, 390, "70 % cocoa.", &[MILK]),
            ("Iced Latte", DRINKS, 420, "Over ice.", &[MILK, SHOT]),
        ],
    },
    Card {
        word: "schleuse",
        name: "Zur Alten Schleuse",
        cuisine: "Home cooking at the lock",
        prep_min: 15,
        dishes: &[
            ("Beef Roulade", "From the stove", 1_790, "Red cabbage, gravy.", &[DUMPLING]),
            ("Schnitzel", "From the stove", 1_590, "Pork, lemon, cranberries.", &[DUMPLING]),
            ("Pan-fried Zander", "From the stove", 1_890, "Leek and mustard sauce.", &[DUMPLING]),
            ("Mushroom Goulash", "From the stove", 1_390, "With herbs. Vegan.", &[DUMPLING]),
            ("Potato Soup", "Small plates", 690, "With marjoram.", &[]),
            ("Red Berry Compote", "Sweet", 520, "With vanilla sauce.", &[]),
            ("Apple Spritzer", DRINKS, 330, "0.4 l.", &[]),
        ],
    },
];

/// All kitchens of both courts, open around the clock.
#[must_use]
pub fn kitchens() -> Vec<DemoKitchen> {
    let kitchen = |card: &Card| {
        let kitchen_id = kitchen_id(card.word);
        let opened = Opened {
            kitchen_id,
            court_id: if card.word == "schleuse" { schleuse() } else { kranhalle() },
            name: card.name.to_owned(),
            cuisine: card.cuisine.to_owned(),
            hours: Hours::always(TIME_ZONE),
            prep_min: card.prep_min,
            answer_within_s: 180,
            open_tickets_max: 200,
        };
        let items = card.dishes.iter().map(|dish| item(kitchen_id, dish)).collect();
        DemoKitchen { opened, menu: Menu { items }, word: card.word }
    };
    CARDS.iter().map(kitchen).collect()
}

fn item(kitchen_id: KitchenId, (name, section, price, description, groups): &Dish) -> MenuItem {
    let id = |kind: &str, word: &str| Uuid::new_v5(&kitchen_id.0, format!("{kind}/{word}").as_bytes());
    let group = |(question, min, max, options): &Group| ModifierGroup {
        name: (*question).to_owned(),
        min: *min,
        max: *max,
        // One option is one modifier wherever it is offered, so that an 86 of it holds for every dish.
        modifiers: options
            .iter()
            .map(|(option, adds)| Modifier {
                modifier_id: ModifierId(id("modifier", &format!("{question}/{option}"))),
                name: (*option).to_owned(),
                price: Money::new(*adds, Currency::EUR),
            })
            .collect(),
    };
    MenuItem {
        item_id: ItemId(id("item", name)),
        name: (*name).to_owned(),
        description: (*description).to_owned(),
        section: (*section).to_owned(),
        price: Money::new(*price, Currency::EUR),
        tax_basis_points: if *section == DRINKS { 1_900 } else { 700 },
        modifier_groups: groups.iter().map(group).collect(),
    }
}
