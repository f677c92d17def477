// Keys that ascend with a value as unsigned words: NaN is above all, and -0 is 0.

fn order_f(x: u32) -> u32 { return select(bitcast<u32>(key(x)) ^ 0x80000000u, 0xffffffffu, isnan(x)); }

fn order_i(x: u32) -> u32 { return x ^ 0x80000000u; }
