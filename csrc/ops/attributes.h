// An operator's options by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"

namespace sanderling {

class Attributes {
 public:
  using Value = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                             std::vector<std::string>>;

  void set(const std::string& name, Value value) { values_[name] = std::move(value); }
  bool has(const std::string& name) const { return values_.count(name) != 0; }
  const std::map<std::string, Value>& all() const { return values_; }

  // Each throws Error naming the option where it is missing (and no default was given) or of another type.
  int64_t integer(const std::string& name) const { return get<int64_t>(name, "an integer"); }
  int64_t integer(const std::string& name, int64_t otherwise) const { return has(name) ? integer(name) : otherwise; }
  // An integer that must lie in [low, high].
  int64_t integer_in(const std::string& name, int64_t low, int64_t high) const {
    int64_t v = integer(name);
    check(v >= low && v <= high, "option '", name, "' is ", v, ", not in [", low, ", ", high, "]");
    return v;
  }
  double real(const std::string& name) const {
    const Value& v = find(name);
    if (auto i = std::get_if<int64_t>(&v)) return static_cast<double>(*i);
    return get<double>(name, "a number");
  }
  double real(const std::string& name, double otherwise) const { return has(name) ? real(name) : otherwise; }
  bool boolean(const std::string& name, bool otherwise = false) const {
    if (!has(name)) return otherwise;
    const Value& v = find(name);
    if (auto i = std::get_if<int64_t>(&v)) return *i != 0;
    return get<bool>(name, "a truth value");
  }
  const std::string& text(const std::string& name) const { return get<std::string>(name, "a name"); }
  const std::vector<int64_t>& integers(const std::string& name) const {
    return get<std::vector<int64_t>>(name, "a list of integers");
  }

 private:
  const Value& find(const std::string& name) const {
    auto it = values_.find(name);
    check(it != values_.end(), "option '", name, "' is missing");
    return it->second;
  }
  template <class T>
  const T& get(const std::string& name, const char* kind) const {
    const T* v = std::get_if<T>(&find(name));
    check(v != nullptr, "option '", name, "' is not ", kind);
    return *v;
  }

  std::map<std::string, Value> values_;
};

}  // namespace sanderling
