//! JSON and subtrees: a raw mirror of the files and a validated tree.
