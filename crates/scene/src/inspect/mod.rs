//! Every problem of a tileset, with file, place and reason.
