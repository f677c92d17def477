// Loops over the rows of a block, a few vectors of columns at a time, with sums and maxima in registers.
#include <algorithm>

#include "maxima.h"
#include "walks.h"

namespace phynexus::fused {
namespace {

using namespace x86;

class RowWriter {
 public:
  RowWriter(const Run& run, const Rows& rows, const RowCounters& counters)
      : rows_(rows), lanes_(lanes_of(run.extension)), body_(run, rows, counters) {}

  std::optional<Code> write(int vectors);

 private:
  bool all_rows(Walks& walks, int first, int vectors);
  void one_row(int row, int vectors);
  template <class F>
  void each_vector(int vectors, const F& f);
  int results_of_a_vector() const {
    return int(rows_.results.sums.size()) + registers_of_maxima(rows_.results.maxima);
  }

  const Rows& rows_;
  const int lanes_;
  Body body_;
  int first_column_ = 0;  // of those at hand
};

// f(the first column, the first register of its results)
template <class F>
void RowWriter::each_vector(int vectors, const F& f) {
  for (int v = 0; v < vectors && !body_.failed(); v++) {
    const int column = first_column_ + v * lanes_;
    body_.go_to(column, rows_.columns - column < lanes_);
    f(column, body_.hoisted_registers() + v * results_of_a_vector());
  }
}

void RowWriter::one_row(int row, int vectors) {
  const int first_free = body_.hoisted_registers() + vectors * results_of_a_vector();
  each_vector(vectors, [&](int, int result) {
    body_.write(first_free);
    for (const RowSum& sum : rows_.results.sums) {
      body_.a.vaddps(result, result, body_.register_of(sum.value));
      result++;
    }
    find_maxima(body_, rows_.results.maxima, row, result);
  });
}

// rax counts the elements before a row.
bool RowWriter::all_rows(Walks& walks, int first, int vectors) {
  Assembler& a = body_.a;
  const int stay = body_.hoisted_registers() + vectors * results_of_a_vector();
  if (stay >= value_registers(a.extension())) return false;
  const std::vector<RowSum>& sums = rows_.results.sums;
  first_column_ = first * lanes_;
  const Address zero{.constant = a.constant(0x80000000u)};  // -0 + x is x for every x
  each_vector(vectors, [&](int, int result) {
    for (size_t i = 0; i < sums.size(); i++) a.vbroadcastss(result + int(i), zero);
  });
  a.xor32(rax, rax);
  walks.first_row();
  const Assembler::Label loop = a.label();
  for (int row = 0; row < rows_.results.rows_in_group; row++) {
    one_row(row, vectors);
    a.add(rax, rows_.columns);
    walks.next_row();
  }
  each_vector(vectors,
              [&](int column, int result) { store_maxima(body_, column, result + int(sums.size())); });
  next_maxima(body_, rows_.columns);
  a.cmp(rax, rsi);
  a.jcc(Condition::below, loop);
  each_vector(vectors, [&](int, int result) {
    for (const RowSum& sum : sums) body_.store_vector(body_.at(sum.to, PHX_FLOAT32, Repeat::row), result++);
  });
  return true;
}

std::optional<Code> RowWriter::write(int vectors) {
  if (!body_.enter()) return {};
  Walks walks(body_, rows_.walks);
  if (const int64_t tail = rows_.columns % lanes_) set_tail_mask(body_.a, tail);
  const auto& moving = body_.pointers().moving;
  const int all = int((rows_.columns + lanes_ - 1) / lanes_);
  for (int first = 0; first < all; first += vectors) {
    if (first > 0) walks.back_to_first_row();
    for (const auto& [location, pointer] : moving) body_.a.push(pointer);
    if (!all_rows(walks, first, std::min(vectors, all - first))) return {};
    for (size_t i = moving.size(); i-- > 0;) body_.a.pop(moving[i].second);
  }
  body_.leave();
  return body_.finish();
}

}  // namespace

std::optional<Code> write_rows(const Run& run, const Rows& rows, int vectors) {
  const std::optional<RowCounters> counters = row_counters(rows.strides);
  if (!counters) return {};
  if (const auto looped = counters_of_looped_columns(run, rows, *counters))
    return write_looped_columns(run, rows, *looped);
  return RowWriter(run, rows, *counters).write(vectors);
}

}  // namespace phynexus::fused
