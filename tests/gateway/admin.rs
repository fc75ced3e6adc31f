//! The door of the admin API.

use causeway::http::Method;

use crate::scripted::{Scene, Scenery};

const TOKEN: &str = "the-admin-token";

fn ask(method: Method, path: &str, body: &str) -> Scene {
    let scene = Scene::post(&format!("/admin/v1/{path}"), body).var("ADMIN_TOKEN", TOKEN).var("MASTER_KEY", "a master key of this test");
    Scene { method, ..scene }.header("host", "gateway.example")
}

fn admin(method: Method, path: &str, body: &str) -> Scene {
    ask(method, path, body).header("authorization", &format!("Bearer {TOKEN}")).header("content-type", "application/json")
}

#[test]
fn only_who_shows_the_token_comes_in() {
    for (name, value, status) in [
        ("authorization", "Bearer the-admin-token", 200),
        ("authorization", "bearer  the-admin-token", 200),
        ("x-causeway-api-key", TOKEN, 200),
        ("authorization", TOKEN, 401),
        ("authorization", "Basic the-admin-token", 401),
        ("authorization", "Bearer the-admin-toke", 401),
        ("authorization", "Bearer the-admin-token2", 401),
        ("authorization", "Bearer", 401),
        ("x-api-key", TOKEN, 401),
        ("cookie", "the-admin-token", 401),
    ] {
        let played = ask(Method::Get, "keys", "").header(name, value).play();
        assert_eq!(played.status, status, "{name}: {value}");
        assert!(!played.body.contains(TOKEN));
    }
    let none = Scene::get("/admin/v1/keys").header("authorization", "Bearer ").play();
    assert_eq!(none.status, 401);
    assert!(none.json()["error"]["message"].as_str().unwrap().contains("has no `ADMIN_TOKEN`"));
}

#[test]
fn pages_of_other_sites_are_refused_and_told_nothing() {
    for (name, value, status) in [
        ("origin", "https://gateway.example", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "https://gateway.example.evil.example", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
    ] {
        let played = admin(Method::Get, "keys", "").header(name, value).play();
        assert_eq!(played.status, status, "{name}: {value}");
        assert!(!played.headers.block().contains("access-control"), "{}", played.headers.block());
    }
    let asked =
        ask(Method::Options, "keys", "").header("origin", "https://evil.example").header("access-control-request-method", "POST").play();
    assert_eq!(asked.status, 403);
    assert!(!asked.headers.block().contains("access-control"));
}

#[test]
fn a_body_is_json_and_not_too_long() {
    for (kind, body, status) in [
        ("application/json", "{}".to_owned(), 201),
        ("Application/JSON; charset=utf-8", "{}".to_owned(), 201),
        ("application/merge-patch+json", "{}".to_owned(), 201),
        ("text/plain", "{}".to_owned(), 415),
        ("application/x-www-form-urlencoded", "name=a".to_owned(), 415),
        ("application/json", "x".repeat((1 << 20) + 1), 413),
    ] {
        let scene = ask(Method::Post, "keys", &body).header("authorization", &format!("Bearer {TOKEN}"));
        assert_eq!(scene.header("content-type", kind).play().status, status, "{kind}");
    }
    let untyped = ask(Method::Post, "keys", "{}").header("authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(untyped.play().status, 415);
    assert_eq!(admin(Method::Other, "keys", "{}").play().status, 405);
}

#[test]
fn an_answer_has_its_version_and_is_kept_by_nobody() {
    let first = admin(Method::Post, "teams", r#"{"slug":"red"}"#).header("idempotency-key", "a");
    let rows = std::rc::Rc::clone(&first.rows);
    let in_it = |scene: Scene| -> Scenery { Scene { rows: std::rc::Rc::clone(&rows), ..scene }.play() };
    let made = first.clone().play();
    assert_eq!((made.status, made.header("etag"), made.header("cache-control")), (201, "\"1\"", "no-store"));
    let again = in_it(first);
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(in_it(admin(Method::Patch, "teams/red", r#"{"name":"x"}"#).header("if-match", "\"9\"")).status, 412);
    let read = in_it(admin(Method::Get, "teams/red", ""));
    assert_eq!(read.json()["slug"], "red");
    let head = in_it(admin(Method::Head, "teams/red", ""));
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", "\"1\""));
    let gone = in_it(admin(Method::Delete, "teams/red", ""));
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    let missing = in_it(admin(Method::Get, "teams/red", "").header("anthropic-version", "2023-06-01"));
    assert_eq!((missing.status, &missing.json()["error"]["type"]), (404, &"invalid_request_error".into()));
}

#[test]
fn a_key_may_do_here_what_its_scopes_say_until_it_is_revoked() {
    let first = admin(Method::Post, "keys", "");
    let (rows, meters, shelves) = (std::rc::Rc::clone(&first.rows), first.meters.clone(), std::rc::Rc::clone(&first.shelves));
    let settings = first.settings();
    let play = |scene: Scene, chance: u64| {
        let scene =
            Scene { rows: std::rc::Rc::clone(&rows), meters: meters.clone(), shelves: std::rc::Rc::clone(&shelves), chance, ..scene };
        scene.play_in(&settings, 0)
    };
    for (at, (scopes, read, write)) in
        [(r#"["inference"]"#, 403, 403), (r#"["admin:read"]"#, 200, 403), (r#"["admin:write"]"#, 200, 200)].into_iter().enumerate()
    {
        let made = play(admin(Method::Post, "keys", &format!(r#"{{"scopes":{scopes}}}"#)), at as u64 * 40);
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let shows = |scene: Scene| scene.header("authorization", &format!("Bearer {key}")).header("content-type", "application/json");
        assert_eq!(play(shows(ask(Method::Get, "teams", "")), 0).status, read, "{scopes}");
        let slug = format!(r#"{{"slug":"by-{at}"}}"#);
        assert_eq!(play(shows(ask(Method::Post, "teams", &slug)), 0).status, if write == 200 { 201 } else { write }, "{scopes}");
        if write == 200 {
            let id = made.json()["id"].as_str().unwrap().to_owned();
            let log = play(admin(Method::Get, "audit?resource=teams", ""), 0).json();
            assert_eq!(log["data"][0]["who"], format!("key:{id}"));
            assert_eq!(play(admin(Method::Delete, &format!("keys/{id}"), ""), 0).status, 204);
            assert_eq!(play(shows(ask(Method::Get, "teams", "")), 0).status, 401);
        }
    }
}

#[test]
fn a_config_that_is_saved_is_used_by_the_next_request() {
    let base = Scene::chat(r#"{"model":"sandbox/echo","messages":[{"role":"user","content":"Hi"}]}"#).header("x-causeway-config", "mine");
    let (rows, shelves) = (std::rc::Rc::clone(&base.rows), std::rc::Rc::clone(&base.shelves));
    let settings = admin(Method::Get, "", "").var("SANDBOX", "true").settings();
    let play =
        |scene: Scene| Scene { rows: std::rc::Rc::clone(&rows), shelves: std::rc::Rc::clone(&shelves), ..scene }.play_in(&settings, 0);
    assert_eq!(play(base.clone()).status, 400);
    let config = |model: &str| format!(r#"{{"slug":"mine","config":{{"provider":"sandbox","override_params":{{"model":"{model}"}}}}}}"#);
    assert_eq!(play(admin(Method::Post, "configs", &config("echo"))).status, 201);
    let first = play(base.clone());
    assert_eq!((first.status, first.header("x-causeway-model")), (200, "echo"), "{}", first.body);
    let changed = config("lorem").replace(r#""slug":"mine","#, "");
    assert_eq!(play(admin(Method::Patch, "configs/mine", &changed)).status, 200);
    assert_eq!(play(base.clone()).header("x-causeway-model"), "lorem");
    assert_eq!(play(admin(Method::Post, "configs/mine/rollback", r#"{"version":1}"#)).status, 200);
    assert_eq!(play(base).header("x-causeway-model"), "echo");
}
