mod reader;

pub use reader::StreamReader;
