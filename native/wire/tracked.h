#pragma once
/* A table of things by their key, and what has changed in it since somebody looked. */
#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast::wire {

/* One that came has no `before`, one that went no `after`. */
template <typename Value>
struct Difference {
  std::optional<Value> before;
  std::optional<Value> after;
};

/* Changes between two Take()s are told as one: what came and went meanwhile is not told, so that what waits to be taken is
 * never more than what was there and what is there together. */
template <typename Key, typename Value>
class Tracked {
 public:
  /* Without `now` it went. False when nothing has changed by that. */
  bool Set(const Key& key, const std::optional<Value>& now) {
    const auto found = values_.find(key);
    const std::optional<Value> before = found == values_.end() ? std::nullopt : std::optional(found->second);
    if (before == now) return false;
    if (now)
      values_.insert_or_assign(key, *now);
    else
      values_.erase(found);
    const auto [touched, is_new] = touched_.try_emplace(key, before);
    if (touched->second == now) touched_.erase(touched);
    return true;
  }

  const std::map<Key, Value>& values() const { return values_; }
  bool HasChanges() const { return !touched_.empty(); }
  void Forget() { touched_.clear(); }

  std::vector<Difference<Value>> Take(size_t most) {
    std::vector<Difference<Value>> differences;
    auto at = touched_.begin();
    for (; differences.size() < most && at != touched_.end(); ++at) {
      const auto now = values_.find(at->first);
      differences.push_back(
          {std::move(at->second), now == values_.end() ? std::nullopt : std::optional(now->second)});
    }
    touched_.erase(touched_.begin(), at);
    return differences;
  }

 private:
  std::map<Key, Value> values_;
  std::map<Key, std::optional<Value>> touched_; /* what was there when it was last taken */
};

}  // namespace holdfast::wire
