//! The API's documentation, made from the table of operations: OpenAPI 3.1 at `/openapi.json`, drawn at `/swagger`.

use std::{collections::BTreeMap, sync::LazyLock};

use actix_web::{HttpResponse, web::Bytes};
use utoipa::{
    ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, RefOr, Required,
        path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder},
        request_body::RequestBodyBuilder,
        response::ResponseBuilder,
        schema::{KnownFormat, ObjectBuilder, Ref, Schema, SchemaFormat, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{
    authorization::Who,
    cursor::Page,
    examples,
    problem::{self, FieldError, Kind},
    routes::{OPERATIONS, Operation, Verb},
};

/// The schemas met so far, by name.
pub type Schemas = BTreeMap<String, RefOr<Schema>>;
/// Notes a type's schemas and refers to it.
pub type Shape = fn(&mut Schemas) -> RefOr<Schema>;

/// The shape of `T`.
pub fn shape_of<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let mut found = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut found);
    schemas.extend(found);
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

/// The shape of a page of `T`.
pub fn page_of<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    shape_of::<T>(schemas); // a generic type does not tell of its parameter
    shape_of::<Page<T>>(schemas)
}

/// What a stranger must know before the first call.
const INTRODUCTION: &str = "Realtime ordering for food courts, dark kitchens and local delivery.

To try calls here: `POST /v1/auth/token` with an e-mail address and a password (a demo's people: `GET /v1/demo`), then \
**Authorize** with the `access_token` of the answer. It is good for five minutes; `POST /v1/auth/refresh` gives the next \
one. Calls with an `Idempotency-Key` need a fresh text for each new wish. Live updates: `GET /v1/live` (WebSocket) and \
`GET /v1/orders/{id}/events`.";

/// The groups of the document, in the sequence in which a stranger needs them.
const GROUPS: [(&str, &str); 16] = [
    ("auth", "Accounts and sessions"),
    ("me", "Who I am"),
    ("courts", "Food courts and their settings"),
    ("kitchens", "Kitchens, their cards, pauses and tickets"),
    ("quotes", "What it will cost, and when it is there"),
    ("orders", "From the basket to the door"),
    ("tickets", "The cook's side of an order"),
    ("riders", "My shift, my position, my offers"),
    ("offers", "Yes or no to a delivery"),
    ("deliveries", "The rider's steps"),
    ("live", "Sockets"),
    ("inbox", "Messages to me"),
    ("admin", "For those who run the court"),
    ("demo", "Only on a server with the demo"),
    ("district", "The demo's streets"),
    ("server", "Health, keys, metrics and this document"),
];

/// A failure (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: for the document")]
struct ProblemDocument {
    /// A stable page: `/problems/…`. Branch on this.
    r#type: String,
    /// For people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What was wrong this time.
    detail: String,
    /// Where.
    instance: String,
    /// Finds it in the server's log.
    error_id: String,
    /// Wrong fields.
    errors: Option<Vec<FieldError>>,
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut schemas = Schemas::new();
    let failure = shape_of::<ProblemDocument>(&mut schemas);
    let mut paths = PathsBuilder::new();
    for operation in OPERATIONS {
        let method = match operation.verb {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
            Verb::Put => HttpMethod::Put,
            Verb::Delete => HttpMethod::Delete,
        };
        paths = paths.path(operation.path, PathItem::new(method, describe(operation, &mut schemas, &failure)));
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("foodcourt")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(INTRODUCTION))
                .build(),
        )
        .tags(Some(GROUPS.iter().map(|(name, says)| TagBuilder::new().name(*name).description(Some(*says)).build())))
        .paths(paths)
        .components(Some(components))
        .build()
}

fn describe(operation: &Operation, schemas: &mut Schemas, failure: &RefOr<Schema>) -> OperationBuilder {
    let noun = operation.path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()).unwrap_or("server");
    let mut described =
        OperationBuilder::new().operation_id(Some(operation.id)).summary(Some(operation.says)).tag(noun);
    for name in operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        described = described.parameter(parameter(name, ParameterIn::Path, Required::True, uuid()));
    }
    if operation.keyed {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(128));
        described = described.parameter(parameter("Idempotency-Key", ParameterIn::Header, Required::True, text));
    }
    if operation.paged {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(100));
        let text = ObjectBuilder::new().schema_type(Type::String);
        described = described
            .parameter(parameter("limit", ParameterIn::Query, Required::False, number))
            .parameter(parameter("cursor", ParameterIn::Query, Required::False, text));
    }
    for name in operation.filters() {
        let text = ObjectBuilder::new().schema_type(Type::String);
        described = described.parameter(parameter(name, ParameterIn::Query, Required::False, text));
    }
    if let Some(shape) = operation.takes {
        let content = ContentBuilder::new().schema(Some(shape(schemas))).example(examples::body(operation.id)).build();
        described =
            described.request_body(Some(RequestBodyBuilder::new().content("application/json", content).build()));
    }
    if operation.id == "take_photo" {
        let picture = || ContentBuilder::new().schema(Some(binary().build())).build();
        let mut body = RequestBodyBuilder::new();
        for media_type in PICTURES {
            body = body.content(media_type, picture());
        }
        described = described.request_body(Some(body.required(Some(Required::True)).build()));
    }
    let mut good = ResponseBuilder::new().description(operation.says);
    if let Some(shape) = operation.gives {
        good = good.content("application/json", ContentBuilder::new().schema(Some(shape(schemas))).build());
    }
    if operation.id == "show_photo" {
        for media_type in PICTURES {
            good = good.content(media_type, ContentBuilder::new().schema(Some(binary().build())).build());
        }
    }
    described = described.response(operation.status.to_string(), good);
    for (status, kinds) in failures(operation) {
        let titles: Vec<_> = kinds.iter().map(|kind| format!("{} (`/problems/{}`)", kind.title, kind.name)).collect();
        let content = ContentBuilder::new().schema(Some(failure.clone())).build();
        let said = ResponseBuilder::new().description(titles.join("; ")).content("application/problem+json", content);
        described = described.response(status.to_string(), said);
    }
    if operation.who != Who::Anyone {
        described = described.security(SecurityRequirement::new("bearer", Vec::<String>::new()));
    }
    described
}

fn parameter(name: &str, place: ParameterIn, required: Required, schema: ObjectBuilder) -> ParameterBuilder {
    let words = Some(examples::parameter(name)).filter(|words| !words.is_empty());
    let example = (name == "Idempotency-Key").then(|| serde_json::json!("my-first-try"));
    ParameterBuilder::new()
        .description(words)
        .example(example)
        .name(name)
        .parameter_in(place)
        .required(required)
        .schema(Some(schema.build()))
}

/// Pictures that are taken and shown.
const PICTURES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

fn binary() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}

fn uuid() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

/// The failures an operation may answer with, by status.
fn failures(operation: &Operation) -> BTreeMap<u16, Vec<&'static Kind>> {
    let mut kinds = vec![problem::UNAVAILABLE, problem::TOO_MANY_REQUESTS];
    if operation.who != Who::Anyone {
        kinds.push(problem::UNAUTHENTICATED);
    }
    if matches!(operation.who, Who::Only(_)) {
        kinds.push(problem::FORBIDDEN);
    }
    if operation.path.contains('{') {
        kinds.push(problem::NOT_FOUND);
    }
    if operation.takes.is_some() {
        kinds.extend([
            problem::MALFORMED_JSON,
            problem::BODY_TOO_LARGE,
            problem::UNSUPPORTED_MEDIA_TYPE,
            problem::INVALID_FIELD,
        ]);
    }
    if operation.keyed {
        kinds.extend([problem::KEY_MISSING, problem::KEY_REUSED]);
    }
    kinds.extend(operation.failures());
    let mut by_status: BTreeMap<u16, Vec<&'static Kind>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status).or_default().push(kind);
    }
    by_status
}

impl Operation {
    /// Query parameters that it knows.
    pub fn query(&self) -> impl Iterator<Item = &'static str> {
        let paging: &[&str] = if self.paged { &["limit", "cursor"] } else { &[] };
        paging.iter().chain(self.filters()).copied()
    }
    /// Query parameters of its own.
    fn filters(&self) -> &'static [&'static str] {
        match self.id {
            "list_kitchens" => &["court_id"],
            "admin_orders" => &["status"],
            "list_accounts" => &["email"],
            _ => &[],
        }
    }
    /// Failures of its own.
    fn failures(&self) -> Vec<&'static Kind> {
        match self.id {
            "place_order" => vec![problem::ITEM_UNAVAILABLE, problem::QUOTE_EXPIRED, problem::NOT_FOUND],
            "create_quote" => vec![problem::ITEM_UNAVAILABLE],
            "change_court" => vec![problem::VERSION_MISMATCH],
            "set_roles" => vec![problem::VERSION_MISMATCH, problem::NOT_ACCEPTABLE_NOW],
            "open_court" | "open_kitchen" | "change_settings" => vec![],
            "cancel_order" => vec![problem::NOT_ACCEPTABLE_NOW, problem::VERSION_MISMATCH],
            "accept_offer" => vec![problem::OFFER_TAKEN, problem::OFFER_EXPIRED, problem::NOT_ACCEPTABLE_NOW],
            "delivered" => vec![problem::WRONG_PIN, problem::PROOF_NEEDED, problem::NOT_ACCEPTABLE_NOW],
            "take_photo" => {
                vec![problem::BODY_TOO_LARGE, problem::UNSUPPORTED_MEDIA_TYPE, problem::NOT_ACCEPTABLE_NOW]
            }
            "register" => vec![problem::EMAIL_TAKEN],
            "sign_in" | "refresh_session" => vec![problem::UNAUTHENTICATED],
            _ if self.verb != Verb::Get && self.path.contains('{') => vec![problem::NOT_ACCEPTABLE_NOW],
            _ => vec![],
        }
    }
}

static TEXT: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(document().to_json().expect("the document is plain data and always serializes")));

/// `GET /openapi.json`
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(TEXT.clone())
}

/// Swagger UI at `/swagger/`, from this binary alone.
#[must_use]
pub fn swagger() -> SwaggerUi {
    SwaggerUi::new("/swagger/{_:.*}").config(Config::from("/openapi.json"))
}
