// An operator's options by name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace sanderling {

class Attributes {
 public:
  using Value = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                             std::vector<std::string>>;

  void set(std::string name, Value value) {
    const auto at = lower_bound(name);
    if (at != values_.end() && at->first == name)
      values_[static_cast<size_t>(at - values_.begin())].second = std::move(value);
    else
      values_.emplace(at, std::move(name), std::move(value));
  }
  bool has(std::string_view name) const {
    const auto at = lower_bound(name);
    return at != values_.end() && at->first == name;
  }
  // Sorted by name.
  const std::vector<std::pair<std::string, Value>>& all() const { return values_; }

  // Each throws Error naming the option where it is missing (and no default was given) or of another type.
  int64_t integer(std::string_view name) const { return get<int64_t>(name, "an integer"); }
  int64_t integer(std::string_view name, int64_t otherwise) const { return has(name) ? integer(name) : otherwise; }
  // An integer that must lie in [low, high].
  int64_t integer_in(std::string_view name, int64_t low, int64_t high) const {
    int64_t v = integer(name);
    check(v >= low && v <= high, "option '", name, "' is ", v, ", not in [", low, ", ", high, "]");
    return v;
  }
  double real(std::string_view name) const {
    const Value& v = find(name);
    if (auto i = std::get_if<int64_t>(&v)) return static_cast<double>(*i);
    return get<double>(name, "a number");
  }
  double real(std::string_view name, double otherwise) const { return has(name) ? real(name) : otherwise; }
  bool boolean(std::string_view name, bool otherwise = false) const {
    if (!has(name)) return otherwise;
    const Value& v = find(name);
    if (auto i = std::get_if<int64_t>(&v)) return *i != 0;
    return get<bool>(name, "a truth value");
  }
  const std::string& text(std::string_view name) const { return get<std::string>(name, "a name"); }
  const std::vector<int64_t>& integers(std::string_view name) const {
    return get<std::vector<int64_t>>(name, "a list of integers");
  }

 private:
  std::vector<std::pair<std::string, Value>>::const_iterator lower_bound(std::string_view name) const {
    return std::lower_bound(values_.begin(), values_.end(), name,
                            [](const auto& option, std::string_view n) { return option.first < n; });
  }
  const Value& find(std::string_view name) const {
    const auto at = lower_bound(name);
    if (at == values_.end() || at->first != name) fail("option '", name, "' is missing");
    return at->second;
  }
  template <class T>
  const T& get(std::string_view name, const char* kind) const {
    const T* v = std::get_if<T>(&find(name));
    check(v != nullptr, "option '", name, "' is not ", kind);
    return *v;
  }

  std::vector<std::pair<std::string, Value>> values_;  // few: faster than a tree
};

}  // namespace sanderling
