// The memory that the lanes of a workgroup share while they reduce: a word, and its place, of each.

var<workgroup> lane_words: array<u32, 256>;

var<workgroup> lane_places: array<u32, 256>;
