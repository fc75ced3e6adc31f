//! Speech and transcriptions: forms that pass in pieces, and the providers that have other forms.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use causeway::error::Error;
use causeway::ir::Losses;
use causeway::wire::audio::*;
use causeway::wire::multipart::{Editor, Form, HEAD_BYTES, parts};
use serde_json::{Value, json};

const TYPE: &str = "multipart/form-data; boundary=\"X-b\"";

fn field(name: &str, value: &str) -> Vec<u8> {
    format!("--X-b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
}

fn file(content: &[u8]) -> Vec<u8> {
    let head = b"--X-b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b\\c.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
    [head.as_slice(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--X-b--\r\n".to_vec()].concat()
}

/// Bytes full of what looks like a boundary and is none.
fn sound() -> Vec<u8> {
    [b"\r\n--X-\r\n--Y\r\r\n\r\n-".as_slice(), &[0, 255, 10, 0], b"--X-b", &[13; 40], b"\r\n--X-"].concat()
}

fn edited(editor: Editor, form: &[u8], size: usize) -> Result<(Vec<u8>, Editor), Error> {
    let mut editor = editor;
    let mut out = Vec::new();
    for piece in form.chunks(size) {
        editor.push(piece, &mut out)?;
    }
    editor.finish()?;
    Ok((out, editor))
}

fn watching() -> Editor {
    Editor::new(TYPE, &WATCHED).unwrap()
}

const SIZES: [usize; 6] = [1, 2, 3, 7, 64, 4096];

#[test]
fn a_form_passes_as_it_is_and_its_fields_are_reported() {
    for (name, whole) in [
        ("before", form(&[field("model", "whisper-1"), file(&sound()), field("stream", "true")])),
        ("after", form(&[file(&sound()), field("language", "de"), field("stream", "true"), field("model", "whisper-1")])),
        ("empty file", form(&[field("stream", "true"), field("model", "whisper-1"), file(b"")])),
    ] {
        for size in SIZES {
            let (out, editor) = edited(watching(), &whole, size).unwrap();
            assert_eq!(out, whole, "{name} in pieces of {size}");
            let seen = WATCHED.map(|name| editor.seen(name));
            assert_eq!(seen, [Some("whisper-1"), None, Some("true")], "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_field_is_reported_as_soon_as_it_has_come() {
    let mut editor = watching();
    let mut out = Vec::new();
    editor.push(&field("model", "whisper-1"), &mut out).unwrap();
    assert_eq!(editor.seen("model"), None);
    editor.push(&file(b"")[..5], &mut out).unwrap();
    assert_eq!(editor.seen("model"), Some("whisper-1"));
    assert!(editor.finish().unwrap_err().message.contains("last boundary"));
    assert_eq!(HEAD_BYTES, 65_536);
    assert!(model_unseen().message.contains("x-causeway-provider"));
}

#[test]
fn edits_change_their_field_and_nothing_else() {
    let whole = form(&[field("model", "a/whisper-1"), file(&sound()), field("response_format", "srt"), field("stream", "")]);
    let all = ["a/whisper-1", "srt", ""];
    let written = |model: Option<&str>, format: Option<&str>, stream: Option<&str>, language: Option<&str>| {
        let field = |name: &str, value: Option<&str>| value.map(|value| field(name, value)).unwrap_or_default();
        let (model, format, stream) = (field("model", model), field("response_format", format), field("stream", stream));
        form(&[model, file(&sound()), format, stream, field("language", language)])
    };
    let [model, format, stream] = all.map(Some);
    let cases: [(fn() -> Editor, Vec<u8>); 4] = [
        (|| watching().set("model", "whisper-1"), written(Some("whisper-1"), format, stream, None)),
        (|| watching().remove("model"), written(None, format, stream, None)),
        (|| watching().remove("stream").remove("response_format"), written(model, None, None, None)),
        (|| watching().set("language", "de"), written(model, format, stream, Some("de"))),
    ];
    for (at, (editor, expected)) in cases.iter().enumerate() {
        for size in SIZES {
            let (out, _) = edited(editor(), &whole, size).unwrap();
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(expected), "case {at} in pieces of {size}");
        }
    }
    let alone = form(&[field("model", "m")]);
    assert_eq!(edited(watching().remove("model"), &alone, 1).unwrap().0, b"--X-b--\r\n");
}

#[test]
fn what_was_checked_is_what_arrives() {
    let twice = form(&[field("model", "cheap"), file(b"x"), field("model", "dear")]);
    for size in SIZES {
        let (out, editor) = edited(watching(), &twice, size).unwrap();
        assert_eq!((out, editor.seen("model")), (form(&[field("model", "cheap"), file(b"x")]), Some("cheap")));
        let (out, _) = edited(watching().set("model", "new"), &twice, size).unwrap();
        assert_eq!(out, form(&[field("model", "new"), file(b"x")]));
    }
    let head = |lines: &str| form(&[format!("--X-b\r\n{lines}\r\n\r\ndear\r\n").into_bytes()]);
    for doubtful in [
        head("Content-Disposition: form-data; name=\"model\"; filename=\"a\""),
        head("Content-Disposition: form-data; name=\"mo\\del\""),
        head("Content-Disposition: form-data; name=\"x\"; name=\"model\""),
        head("Content-Disposition: form-data; name=x; name*=utf-8''model"),
        head("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64"),
        head("Content-Disposition: form-data"),
        b"--X-b \r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndear\r\n--X-b--".to_vec(),
        form(&[file(b"x\r\n--X-bc")]),
        // A boundary for some servers only.
        form(&[file(b"--X-b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndear")]),
        form(&[file(b"x\n--X-b\nContent-Disposition: form-data; name=\"model\"\n\ndear")]),
        form(&[field("model", "--X-b")]),
        form(&[field("model", "x\r--X-b")]),
    ] {
        for size in SIZES {
            let error = edited(watching(), &doubtful, size).map(|(out, _)| out).unwrap_err();
            assert_eq!(error.status, 400, "{}", String::from_utf8_lossy(&doubtful));
        }
    }
    // As plain as can be, whatever the client writes beside it.
    for plain in [
        head("content-disposition: FORM-DATA; name=model"),
        head(
            "Content-Disposition: form-data; name=\"model\"\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-transfer-encoding: binary",
        ),
    ] {
        assert_eq!(edited(watching(), &plain, 3).unwrap().1.seen("model"), Some("dear"));
    }
}

#[test]
fn a_form_that_is_none_or_is_too_much_is_refused() {
    for wrong in ["application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a"] {
        assert_eq!(Editor::new(wrong, &WATCHED).unwrap_err().status, 400, "{wrong}");
    }
    let long = "m".repeat(70_000);
    for (whole, status) in [
        (form(&[field("model", &long)]), 413),
        (form(&[field(&long, "a")]), 413),
        (form(&vec![field("a", "b"); 200]), 413),
        (form(&[b"--X-b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\xff\r\n".to_vec()]), 400),
        (b"{\"model\":\"m\"}".to_vec(), 400),
        (b"--X-b\nContent-Disposition: form-data; name=\"model\"\n\nm\n--X-b--".to_vec(), 400),
        (Vec::new(), 400),
    ] {
        assert_eq!(edited(watching(), &whole, 999).map(|(out, _)| out).unwrap_err().status, status);
    }
    // A long field that is not watched passes.
    assert!(edited(watching(), &form(&[field("prompt", &long)]), 999).is_ok());
}

#[test]
fn a_form_that_was_written_is_read_again() {
    let (kind, body) = Form::new("abc").field("prompt", "a\r\nb").file("file", "x\".png", "image/png", &sound()).close();
    let read = parts(&kind, &body).unwrap();
    let seen: Vec<_> = read.iter().map(|part| (part.name.as_str(), part.file_name.as_deref(), part.content)).collect();
    assert_eq!(seen, [("prompt", None, b"a\r\nb".as_slice()), ("file", Some("x%22.png"), &sound())]);
    let (mut editor, mut out) = (Editor::new(&kind, &["prompt"]).unwrap(), Vec::new());
    editor.push(&body, &mut out).unwrap();
    assert_eq!((out, editor.seen("prompt")), (body, Some("a\r\nb")));
    assert!(parts(TYPE, b"--X-b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb").is_err());
}

#[test]
fn speech_is_asked_for_in_the_form_of_the_model() {
    let body = json!({"model": "x", "input": "Hi", "voice": "luna", "response_format": "wav", "speed": 1.5});
    let bytes = body.to_string();
    for (shape, model, expected, lost) in [
        (Shape::OpenAi, "tts-1", body.clone(), vec![]),
        (
            Shape::WorkersAi,
            "@cf/deepgram/aura-1",
            json!({"text": "Hi", "speaker": "luna", "encoding": "linear16", "container": "wav"}),
            vec!["speed"],
        ),
        (Shape::WorkersAi, "@cf/myshell-ai/melotts", json!({"prompt": "Hi"}), vec!["voice", "response_format", "speed"]),
    ] {
        let mut losses = Losses::default();
        let sent = encode_speech(shape, model, bytes.as_bytes(), &mut losses).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), expected);
        assert_eq!(losses.names(), lost);
    }
    for (body, param) in [
        (json!({"voice": "a"}), "input"),
        (json!({"input": "a", "response_format": "midi"}), "response_format"),
        (json!({"input": "a", "stream_format": "sse"}), "stream_format"),
    ] {
        let error = encode_speech(Shape::WorkersAi, "aura", body.to_string().as_bytes(), &mut Losses::default()).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)));
    }
}

#[test]
fn speech_is_bytes_whatever_it_came_in() {
    for (shape, kind, body, media_type) in [
        (Shape::OpenAi, "audio/mpeg", "sound", "audio/mpeg"),
        (Shape::WorkersAi, "audio/mpeg", "sound", "audio/mpeg"),
        (Shape::Mistral, "application/json", r#"{"audio_data":"c291bmQ="}"#, "audio/wav"),
        (Shape::WorkersAi, "application/json; charset=utf-8", r#"{"result":{"audio":"c291bmQ="},"success":true}"#, "audio/wav"),
    ] {
        let (told, bytes) = decode_speech(shape, kind, body.as_bytes(), Some("wav")).unwrap();
        assert_eq!((told.as_ref(), bytes.as_ref()), (media_type, b"sound".as_slice()));
    }
    for (body, words) in [
        (r#"{"success":false,"errors":[{"message":"no voice"}],"result":null}"#, "no voice"),
        (r#"{"audio_data":"?"}"#, "another kind"),
        ("<html>", "another kind"),
    ] {
        let error = decode_speech(Shape::WorkersAi, "application/json", body.as_bytes(), None).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn a_transcription_is_sent_as_base64_and_answered_as_asked() {
    let send = |parts: &[Vec<u8>], task| {
        let mut losses = Losses::default();
        let (body, script) = encode_transcription(TYPE, &form(parts), task, &mut losses)?;
        Ok::<_, Error>((serde_json::from_slice::<Value>(&body).unwrap(), script, losses.names().to_vec()))
    };
    let knobs = [field("model", "m"), file(b"sound"), field("language", "de"), field("prompt", "p"), field("temperature", "0")];
    let (body, script, losses) = send(&knobs, Task::Transcribe).unwrap();
    assert_eq!(body, json!({"audio": "c291bmQ=", "task": "transcribe", "language": "de", "initial_prompt": "p"}));
    assert_eq!((script, losses), (Script::Json, vec!["temperature".to_owned()]));
    let asked = send(&[file(b"sound"), field("response_format", "vtt")], Task::Translate).unwrap();
    assert_eq!((asked.0["task"].as_str(), asked.1), (Some("translate"), Script::Vtt));
    for (parts, param) in [
        (vec![field("model", "m")], "file"),
        (vec![file(b""), field("response_format", "srt")], "response_format"),
        (vec![file(b""), field("stream", "true")], "stream"),
    ] {
        assert_eq!(send(&parts, Task::Transcribe).unwrap_err().param.as_deref(), Some(param));
    }
    let answer =
        br#"{"result":{"text":"Hi","vtt":"WEBVTT","segments":[{"start":0}],"transcription_info":{"language":"en","duration":1.5}}}"#;
    let verbose = json!({"task": "transcribe", "language": "en", "duration": 1.5, "text": "Hi", "segments": [{"start": 0}]});
    let read = |script| translate_transcript(answer, Task::Transcribe, script).unwrap();
    for (script, expected) in [(Script::Json, json!({"text": "Hi"})), (Script::VerboseJson, verbose)] {
        let (kind, bytes) = read(script);
        assert_eq!((kind, serde_json::from_slice::<Value>(&bytes).unwrap()), ("application/json", expected));
    }
    assert_eq!(read(Script::Text), ("text/plain; charset=utf-8", b"Hi\n".to_vec()));
    assert_eq!(read(Script::Vtt), ("text/plain; charset=utf-8", b"WEBVTT".to_vec()));
    for wrong in [r#"{"result":null,"errors":[{"message":"bad"}]}"#, r#"{"result":{}}"#, "[]"] {
        assert!(translate_transcript(wrong.as_bytes(), Task::Transcribe, Script::Json).is_err());
    }
}
