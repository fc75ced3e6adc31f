//! Where a caller may send a request: to public hosts, by whatever route and in whatever way it names them.

use causeway::http::Method;

use crate::scripted::Scene;

/// Ways to write addresses that are nobody's business.
const PRIVATE: &[&str] = &[
    "http://127.0.0.1:9/v1",
    "http://127.1/v1",
    "http://2130706433/v1",
    "http://0x7f.0.0.1/v1",
    "http://0177.0.0.1/v1",
    "http://0/v1",
    "http://[::1]/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://[::ffff:7f00:1]/v1",
    "http://[fd00::1]/v1",
    "http://[64:ff9b::7f00:1]/v1",
    "http://10.0.0.1/v1",
    "http://172.16.0.1/v1",
    "http://192.168.1.1/v1",
    "http://169.254.169.254/latest",
    "http://100.64.0.1/v1",
    "http://localhost/v1",
    "http://LOCALHOST./v1",
    "http://db.internal/v1",
    "http://metadata.google.internal/v1",
    "https://public.example@127.0.0.1/v1",
    "https://127.0.0.1#@public.example/v1",
    "https://127.0.0.1\\@public.example/v1",
    "file:///etc/passwd",
    "ftp://public.example/v1",
    "//public.example/v1",
    "public.example/v1",
];

const FORM: &str = "--line\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--line--\r\n";

/// A request by each of the routes that lead to a provider.
fn routes() -> Vec<Scene> {
    let talk = r#"{"model":"gpt-4o","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
    let google = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let post = |(path, body): (&str, &str)| Scene::post(path, body).header("content-type", "application/json");
    let mut routes: Vec<Scene> = [
        ("/v1/chat/completions", talk),
        ("/chat/completions", talk),
        ("/v1/messages", talk),
        ("/v1/messages/count_tokens", talk),
        ("/v1/responses", r#"{"model":"gpt-4o","input":"hi"}"#),
        ("/v1/completions", r#"{"model":"gpt-3.5-turbo-instruct","prompt":"hi"}"#),
        ("/v1beta/models/gpt-4o:generateContent", google),
        ("/v1beta/models/gpt-4o:streamGenerateContent", google),
        ("/v1beta/models/gpt-4o:embedContent", "{}"),
        ("/v1/embeddings", r#"{"model":"text-embedding-3-small","input":"hi"}"#),
        ("/v1/moderations", r#"{"model":"omni-moderation-latest","input":"hi"}"#),
        ("/v1/images/generations", r#"{"model":"gpt-image-1","prompt":"hi"}"#),
        ("/v1/audio/speech", r#"{"model":"tts-1","input":"hi","voice":"alloy"}"#),
        ("/v1/files", "{}"),
        ("/v1/batches", "{}"),
        ("/v1/proxy/openai/v1/chat/completions", talk),
        ("/v1/proxy/openai/anything/else", "{}"),
    ]
    .map(post)
    .to_vec();
    let forms = ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits", "/v1/images/variations"];
    routes.extend(forms.map(|path| Scene::post(path, FORM).header("content-type", "multipart/form-data; boundary=line")));
    let asked =
        ["/v1/models", "/v1/models/openai%2Fgpt-4o", "/v1/files/f", "/v1/files/f/content", "/v1/responses/r", "/v1/proxy/openai/models"];
    routes.extend(asked.map(Scene::get));
    routes.push(Scene { method: Method::Delete, ..Scene::get("/v1/files/f") });
    routes
}

#[test]
fn a_private_host_is_refused_on_every_route_however_it_is_written_and_named() {
    for (at, host) in PRIVATE.iter().enumerate() {
        let config = serde_json::json!({"provider": "openai", "custom_host": host, "api_key": "k"}).to_string();
        // Some of them everywhere, the rest by turns: whoever forgets to look would let the first one pass.
        let turn = |route: usize| at % 6 == 0 || route % PRIVATE.len() == at;
        for (_, scene) in routes().into_iter().enumerate().filter(|(route, _)| turn(*route)) {
            let scene = scene.header("authorization", "Bearer k");
            // Whoever names the provider in the path, or asks for models, is not sent where a config says.
            let routed = !["/v1/proxy/", "/v1/models"].iter().any(|start| scene.path.starts_with(start));
            let mut ways = vec![
                scene.clone().header("x-causeway-provider", "openai").header("x-causeway-custom-host", host),
                scene.clone().header("x-portkey-provider", "openai").header("x-portkey-custom-host", host),
            ];
            if routed {
                ways.push(scene.clone().header("x-causeway-config", &config));
            }
            for way in ways {
                let path = way.path.clone();
                let answer = way.play();
                assert_eq!(answer.status, 400, "{host} on {path}: {}", answer.body);
                let said = answer.json()["error"]["message"].as_str().unwrap().to_owned();
                assert!(said.contains("custom host") || said.contains("custom_host"), "{host} on {path}: {said}");
                assert!(answer.seen.is_empty(), "{host} on {path}");
            }
        }
    }
}

#[test]
fn a_redirect_is_followed_on_no_route() {
    // These have something to say themselves.
    let own = |scene: &Scene| ["/v1/models", "/v1/messages/count_tokens"].iter().any(|start| scene.path.starts_with(start));
    for scene in routes() {
        let own = own(&scene);
        let path = scene.path.clone();
        let scene = scene.header("authorization", "Bearer k").header("x-causeway-provider", "openai");
        let scene = scene.header("x-causeway-custom-host", "https://public.example/v1");
        let answer = scene.answers(307, vec![("location", "http://127.0.0.1/")], "").play();
        assert!(answer.seen.len() <= 1, "{path}");
        assert_eq!(answer.status == 200, own, "{path}");
    }
}

#[test]
fn a_word_of_an_address_cannot_lead_elsewhere() {
    let hello = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    for (provider, word, domain, more) in [
        ("azure-openai", "azure-resource-name", ".openai.azure.com", vec![]),
        (
            "bedrock",
            "aws-region",
            ".amazonaws.com",
            vec![("x-causeway-aws-access-key-id", "AK"), ("x-causeway-aws-secret-access-key", "SK")],
        ),
        ("vertex-ai", "vertex-region", "aiplatform.googleapis.com", vec![("x-causeway-vertex-project-id", "p")]),
        ("workers-ai", "workers-ai-account-id", "api.cloudflare.com", vec![]),
    ] {
        for value in [
            "evil.example/",
            "evil.example#",
            "evil.example?",
            "evil.example\\",
            "a@evil.example",
            "evil.example:80/",
            "127.0.0.1:80#",
            "../../evil",
        ] {
            let scene = Scene::chat(hello).header("authorization", "Bearer k").header("x-causeway-provider", provider);
            let scene = more.iter().fold(scene, |scene, (name, value)| scene.header(name, value));
            let answer = scene.header(&format!("x-causeway-{word}"), value).says("{}").play();
            for seen in &answer.seen {
                let host = seen.url.trim_start_matches("https://").split(['/', '?', '#', '\\']).next().unwrap();
                assert!(host.ends_with(domain) && !host.contains(['@', ':']), "{provider} {value}: {}", seen.url);
            }
        }
    }
}
