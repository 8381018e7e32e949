#include "models/describe_tensors.h"

#include <algorithm>
#include <map>
#include <set>

namespace r1 {
namespace {

/// A name cut at its dots.
std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts(1);
  for (const char c : name) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

constexpr int64_t kNoNumber = -1;

/// 27 of "27"; kNoNumber of all that is no small number.
int64_t number_of(const std::string& part) {
  const bool digits = !part.empty() && part.size() < 10 &&
                      std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::stoll(part) : kNoNumber;
}

/// By names, numbers in them as numbers.
bool comes_before(const std::string& a, const std::string& b) {
  const auto key = [](const std::string& name) {
    std::vector<std::pair<int64_t, std::string>> key;
    for (const std::string& part : parts_of(name)) key.emplace_back(number_of(part), part);
    return key;
  };
  return key(a) < key(b);
}

/// "{0-2,5}" of 0, 1, 2, 5; a single number stands for itself.
std::string ranges(const std::set<int64_t>& numbers) {
  if (numbers.size() == 1) return std::to_string(*numbers.begin());
  std::string text;
  for (auto at = numbers.begin(); at != numbers.end();) {
    const int64_t first = *at;
    int64_t last = first;
    while (++at != numbers.end() && *at == last + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (last > first) text += "-" + std::to_string(last);
  }
  return "{" + text + "}";
}

int64_t bytes_of(const StoredTensor& tensor) {
  return static_cast<int64_t>(tensor.bytes.size() + tensor.values.size());
}

/// A group while it grows.
struct Growing {
  TensorGroup group;
  std::vector<std::string> parts;
  std::vector<std::set<int64_t>> numbers;  // by part; empty where it is no number
};

std::string key_of(const StoredTensor& tensor, const std::vector<std::string>& parts) {
  std::string key;
  for (const std::string& part : parts) key += (number_of(part) == kNoNumber ? part : "#") + ".";
  return key + tensor.shape_text() + stored_dtype_name(tensor.dtype);
}

}  // namespace

std::vector<StoredTotal> stored_totals(const Source& source) {
  std::map<StoredDtype, StoredTotal> by_type;
  for (const StoredTensor& tensor : source.tensors()) {
    StoredTotal& total = by_type[tensor.dtype];
    total.dtype = tensor.dtype;
    ++total.n_tensors;
    total.n_bytes += bytes_of(tensor);
  }
  std::vector<StoredTotal> totals;
  for (const auto& [dtype, total] : by_type) totals.push_back(total);
  std::ranges::stable_sort(totals, std::greater<>(), &StoredTotal::n_bytes);
  return totals;
}

std::vector<TensorGroup> list_tensors(const Source& source, const std::string& filter) {
  std::vector<TensorGroup> list;
  for (const StoredTensor& t : source.tensors()) {
    if (t.name.find(filter) == std::string::npos) continue;
    list.push_back({t.name, t.dtype, t.shape, 1, bytes_of(t)});
  }
  std::ranges::sort(list, comes_before, &TensorGroup::name);
  return list;
}

std::vector<TensorGroup> group_tensors(const Source& source, const std::string& filter) {
  std::map<std::string, Growing> growing;
  for (const StoredTensor& t : source.tensors()) {
    if (t.name.find(filter) == std::string::npos) continue;
    std::vector<std::string> parts = parts_of(t.name);
    Growing& g = growing[key_of(t, parts)];
    g.numbers.resize(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      if (number_of(parts[i]) != kNoNumber) g.numbers[i].insert(number_of(parts[i]));
    }
    g.parts = std::move(parts);
    g.group.dtype = t.dtype;
    g.group.shape = t.shape;
    ++g.group.n_tensors;
    g.group.n_bytes += bytes_of(t);
  }
  std::vector<TensorGroup> groups;
  for (auto& [key, g] : growing) {
    for (size_t i = 0; i < g.parts.size(); ++i) {
      g.group.name += (i == 0 ? "" : ".");
      g.group.name += g.numbers[i].empty() ? g.parts[i] : ranges(g.numbers[i]);
    }
    groups.push_back(std::move(g.group));
  }
  return groups;
}

int64_t stored_elements(const Source& source) {
  int64_t n = 0;
  for (const StoredTensor& t : source.tensors()) {
    if (!t.is_consumed) n += t.rows() * t.row_elements();
  }
  return n;
}

}  // namespace r1
