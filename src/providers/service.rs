//! What a provider serves and at which path of its API.

use crate::wire::{Dialect, audio, embeddings, images, moderations, rerank};

/// A thing that is served, and where. The first that fits a request is taken; of conversations, one in the caller's
/// own dialect before any other.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    pub serves: Serves,
    /// Only models whose names hold this.
    pub models: &'static str,
    /// Only where this setting is known.
    pub given: &'static str,
    /// What follows the base; `{words}` in it are filled in.
    pub path: &'static str,
    /// The path of streams, where it is another.
    pub stream: Option<&'static str>,
    /// Fields that the body carries there.
    pub fields: &'static [(&'static str, &'static str)],
}

/// What is served, and in which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    Talk(Dialect),
    Embeddings(embeddings::Shape),
    Images(images::Shape),
    Rerank(rerank::Shape),
    Moderations(moderations::Shape),
    Speech(audio::Shape),
    Transcription(audio::Shape),
    Translation(audio::Shape),
    ImageEdits,
    ImageVariations,
    /// How many tokens a conversation of this dialect has.
    Count(Dialect),
}

/// What a caller may want that is no conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    Embeddings,
    Images,
    Rerank,
    Moderations,
    Speech,
    Transcription,
    Translation,
    ImageEdits,
    ImageVariations,
}

const fn service(serves: Serves, path: &'static str) -> Service {
    Service { serves, models: "", given: "", path, stream: None, fields: &[] }
}

pub const fn talk(dialect: Dialect, path: &'static str) -> Service {
    service(Serves::Talk(dialect), path)
}

pub const fn embeddings(shape: embeddings::Shape, path: &'static str) -> Service {
    service(Serves::Embeddings(shape), path)
}

pub const fn images(shape: images::Shape, path: &'static str) -> Service {
    service(Serves::Images(shape), path)
}

pub const fn rerank(shape: rerank::Shape, path: &'static str) -> Service {
    service(Serves::Rerank(shape), path)
}

pub const fn moderations(shape: moderations::Shape, path: &'static str) -> Service {
    service(Serves::Moderations(shape), path)
}

pub const fn transcription(shape: audio::Shape, path: &'static str) -> Service {
    service(Serves::Transcription(shape), path)
}

pub const fn translation(shape: audio::Shape, path: &'static str) -> Service {
    service(Serves::Translation(shape), path)
}

pub const fn image_edits(path: &'static str) -> Service {
    service(Serves::ImageEdits, path)
}

pub const fn image_variations(path: &'static str) -> Service {
    service(Serves::ImageVariations, path)
}

pub const fn count(dialect: Dialect, path: &'static str) -> Service {
    service(Serves::Count(dialect), path)
}

pub const fn speech(shape: audio::Shape, path: &'static str) -> Service {
    service(Serves::Speech(shape), path)
}

impl Service {
    pub const fn streamed(self, path: &'static str) -> Self {
        Self { stream: Some(path), ..self }
    }

    pub const fn of(self, models: &'static str) -> Self {
        Self { models, ..self }
    }

    pub const fn given(self, setting: &'static str) -> Self {
        Self { given: setting, ..self }
    }

    pub const fn with(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { fields, ..self }
    }

    /// Whether tokens of more than contents are counted only in a whole request: so it is with Google's own API.
    pub fn counts_whole(&self) -> bool {
        self.path.starts_with("/v1beta/")
    }

    /// Whether the model goes into the path, and so not into the body.
    pub fn names_model(&self) -> bool {
        self.path.contains("{model}") || self.path.contains("{model-path}")
    }
}

impl Serves {
    /// How a message calls it.
    pub fn noun(self) -> &'static str {
        self.errand().map_or("conversations", Errand::noun)
    }

    /// Whether its answer may come before it is done.
    pub fn is_predicted(self) -> bool {
        matches!(self, Serves::Talk(Dialect::Predictions) | Serves::Images(images::Shape::Replicate))
    }

    /// The dialect of conversations.
    pub fn dialect(self) -> Option<Dialect> {
        if let Serves::Talk(dialect) = self { Some(dialect) } else { None }
    }

    pub fn sound(self) -> Option<audio::Shape> {
        match self {
            Serves::Speech(shape) | Serves::Transcription(shape) | Serves::Translation(shape) => Some(shape),
            _ => None,
        }
    }

    pub fn errand(self) -> Option<Errand> {
        match self {
            Serves::Talk(_) | Serves::Count(_) => None,
            Serves::Embeddings(_) => Some(Errand::Embeddings),
            Serves::Images(_) => Some(Errand::Images),
            Serves::Rerank(_) => Some(Errand::Rerank),
            Serves::Moderations(_) => Some(Errand::Moderations),
            Serves::Speech(_) => Some(Errand::Speech),
            Serves::Transcription(_) => Some(Errand::Transcription),
            Serves::Translation(_) => Some(Errand::Translation),
            Serves::ImageEdits => Some(Errand::ImageEdits),
            Serves::ImageVariations => Some(Errand::ImageVariations),
        }
    }
}

impl Errand {
    /// Whether it is asked for by a form, with files in it.
    pub fn is_form(self) -> bool {
        matches!(self, Errand::Transcription | Errand::Translation | Errand::ImageEdits | Errand::ImageVariations)
    }

    /// How a message calls it.
    pub fn noun(self) -> &'static str {
        match self {
            Errand::Embeddings => "embeddings",
            Errand::Images => "images",
            Errand::Rerank => "reranking",
            Errand::Moderations => "moderations",
            Errand::Speech => "speech",
            Errand::Transcription => "transcriptions",
            Errand::Translation => "translations of speech",
            Errand::ImageEdits => "edits of images",
            Errand::ImageVariations => "variations of images",
        }
    }

    /// The model of callers who name none, where OpenAI's API has one.
    pub fn usual_model(self) -> Option<&'static str> {
        (self == Errand::Moderations).then_some("omni-moderation-latest")
    }
}
