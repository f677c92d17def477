// Words and numbers. The executor's `zero()` is 0, and no compiler knows it: what passes through
// it is neither folded nor reassociated.

fn f(x: u32) -> f32 { return bitcast<f32>(x ^ zero()); }

fn w(x: f32) -> u32 { return bitcast<u32>(x) ^ zero(); }

fn keep(x: f32) -> f32 { return f(w(x)); }
