// Batcher's bitonic network on the pairs of keys and places that a workgroup holds.

var<workgroup> sort_keys: array<u32, 2048>;

var<workgroup> sort_places: array<u32, 2048>;

// Runs of `from_run` to `to_run` pairs of a line, of which `first` is the number of the first here.
fn sort_pairs(lane: u32, first: u32, size: u32, from_run: u32, to_run: u32) {
  workgroupBarrier();
  for (var run = from_run; run <= to_run; run = run << 1u) {
    for (var reach = min(run, size) >> 1u; reach > 0u; reach = reach >> 1u) {
      for (var e = lane; e < (size >> 1u); e = e + 256u) {
        let i = ((e & ~(reach - 1u)) << 1u) | (e & (reach - 1u));
        let j = i + reach;
        let a = sort_keys[i]; let b = sort_keys[j];
        let p = sort_places[i]; let q = sort_places[j];
        let up = ((first + i) & run) == 0u;
        if ((a > b || (a == b && p > q)) == up) {
          sort_keys[i] = b; sort_keys[j] = a;
          sort_places[i] = q; sort_places[j] = p;
        }
      }
      workgroupBarrier();
    }
  }
}
