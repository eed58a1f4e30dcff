//! The document, the routes and what surrounds every answer.

use std::collections::BTreeSet;

use foodcourt::http::routes::OPERATIONS;
use reqwest::Method;

use crate::world::{World, method};

#[actix_rt::test]
async fn the_document_names_exactly_the_routes_that_answer() {
    let world = World::new().await;
    let document = world.call(Method::GET, "/openapi.json", &[], None).await.good(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |verb| (path.clone(), verb.clone())))
        .collect();
    let routed: BTreeSet<_> = OPERATIONS
        .iter()
        .map(|operation| (operation.path.to_owned(), operation.verb.as_str().to_lowercase()))
        .collect();
    assert_eq!(described, routed);
    let ids: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), OPERATIONS.len(), "operation ids are unique");
    for operation in OPERATIONS {
        let path = operation.path.replace("{id}", "x").replace("{what}", "x");
        let answer = world.call(method(operation.verb), &path, &[], None).await;
        // Reached: not the answer of an address that nobody knows, nor of a method it does not.
        let unknown = answer.status == 405 || (answer.status == 404 && !operation.path.contains('{'));
        assert!(!unknown, "{} {path}: {}", operation.verb.as_str(), answer.status);
        if operation.path.starts_with("/v1/") {
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        }
    }
}

#[actix_rt::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let document = serde_json::to_value(foodcourt::http::docs::document()).unwrap();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[actix_rt::test]
async fn the_document_begins_with_how_to_sign_in_and_knows_every_group() {
    let document = serde_json::to_value(foodcourt::http::docs::document()).unwrap();
    assert!(document["info"]["description"].as_str().unwrap().contains("POST /v1/auth/token"), "{}", document["info"]);
    let groups: Vec<_> = document["tags"].as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
    assert_eq!((&groups[0], groups.last().unwrap()), (&"auth".into(), &"server".into()));
    let used: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["tags"][0].as_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<_> = groups.iter().map(|group| group.as_str().unwrap().to_owned()).collect();
    assert_eq!(used, known);
}

#[actix_rt::test]
async fn what_try_it_out_begins_with_works_as_it_stands() {
    let world = World::new().await;
    let document = world.call(Method::GET, "/openapi.json", &[], None).await.good(200);
    let example = |path: &str, verb: &str| {
        document["paths"][path][verb]["requestBody"]["content"]["application/json"]["example"].clone()
    };
    for (path, status) in [("/v1/auth/register", 201), ("/v1/auth/token", 200)] {
        let body = example(path, "post").to_string();
        world.call(Method::POST, path, &[], Some(&body)).await.good(status);
    }
    let mia = world.sign_in("customer@demo").await;
    for path in ["/v1/quotes", "/v1/orders"] {
        mia.once(path, &example(path, "post")).await.good(201);
    }
    let rider = world.sign_in("rider1@demo").await;
    let shift = example("/v1/riders/me/shift", "put").to_string();
    rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await.good(200);
    let id = &document["paths"]["/v1/orders/{id}"]["get"]["parameters"][0];
    assert!(id["description"].as_str().unwrap().starts_with("To be filled in"), "{id}");
}

#[actix_rt::test]
async fn swagger_works_from_this_binary_alone() {
    let world = World::new().await;
    for (path, kind) in [("/swagger/", "text/html"), ("/swagger/swagger-ui-bundle.js", "javascript")] {
        let answer = world.call(Method::GET, path, &[], None).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").contains(kind), "{path}");
    }
    assert!(world.call(Method::GET, "/swagger", &[], None).await.status.is_success());
}

#[actix_rt::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let world = World::new().await;
    world.call(Method::GET, "/v1/nothing", &[], None).await.problem(404, "not-found");
    let wrong = world.call(Method::DELETE, "/v1/orders", &[], None).await.problem(405, "method-not-allowed");
    assert!(wrong["detail"].as_str().unwrap().contains("POST"));
    let jwks = world.call(Method::GET, "/.well-known/jwks.json", &[], None).await.good(200);
    assert_eq!(jwks["keys"][0]["crv"], "Ed25519");
    for path in ["/healthz", "/readyz", "/metrics", "/v1/district", "/v1/demo", "/v1/courts", "/v1/kitchens"] {
        assert_eq!(world.call(Method::GET, path, &[], None).await.status, 200, "{path}");
    }
}
