#include "../wire/presence.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace holdfast {

using wire::AddressRecord;
using wire::JudgeAdd;
using wire::JudgeExtend;
using wire::JudgeRemove;
using wire::kFlagAlias;
using wire::kFlagRoute;
using wire::Presence;

namespace {

constexpr uint8_t kOurs = 104;
constexpr uint8_t kKeepalived = 18;

/* 10.1.1.1 on interface 3 */
AddressRecord At(uint8_t prefix, uint8_t protocol = 0, uint8_t flags = 0, uint32_t ifindex = 3) {
  return {4, prefix, protocol, flags, ifindex, {10, 1, 1, 1}};
}

}  // namespace

TEST_CASE("adding") {
  const AddressRecord wanted = At(32);
  SUBCASE("asks the kernel about an address that is nowhere") {
    CHECK(JudgeAdd(Presence({}), wanted, kOurs, true) == std::nullopt);
    const AddressRecord other{4, 32, 0, kFlagAlias, 3, {10, 1, 1, 2}};
    CHECK(JudgeAdd(Presence({other}), wanted, kOurs, true) == std::nullopt);
  }
  SUBCASE("is done when ours is there already") {
    CHECK(JudgeAdd(Presence({At(32, kOurs, kFlagAlias)}), wanted, kOurs, true) == 0);
  }
  SUBCASE("is done when an untagged alias is there, on a kernel that keeps no tags") {
    CHECK(JudgeAdd(Presence({At(32, 0, kFlagAlias)}), wanted, kOurs, false) == 0);
  }
  SUBCASE("is refused where an untagged alias is there, on a kernel that keeps tags: it is not ours") {
    CHECK(JudgeAdd(Presence({At(32, 0, kFlagAlias)}), wanted, kOurs, true) == -EEXIST);
  }
  SUBCASE("is refused where the host has it as its own address") {
    CHECK(JudgeAdd(Presence({At(24)}), wanted, kOurs, true) == -EEXIST);
    CHECK(JudgeAdd(Presence({At(32)}), wanted, kOurs, true) == -EEXIST); /* from DHCP, or with a peer */
    CHECK(JudgeAdd(Presence({At(24)}), At(24), kOurs, true) == -EEXIST);
  }
  SUBCASE("is refused where another program has it") {
    CHECK(JudgeAdd(Presence({At(32, kKeepalived, kFlagAlias)}), wanted, kOurs, true) == -EEXIST);
  }
  SUBCASE("is refused where it is ours at another place, which the caller has to clear first") {
    CHECK(JudgeAdd(Presence({At(32, kOurs, kFlagAlias, 4)}), wanted, kOurs, true) == -EEXIST);
    CHECK(JudgeAdd(Presence({At(32, kOurs, kFlagRoute)}), wanted, kOurs, true) == -EEXIST);
  }
  SUBCASE("is refused where the host has it beside ours") {
    CHECK(JudgeAdd(Presence({At(32, kOurs, kFlagAlias), At(24)}), wanted, kOurs, true) == -EEXIST);
  }
}

TEST_CASE("removing") {
  SUBCASE("asks the kernel about ours, and about what is not there") {
    CHECK(JudgeRemove(Presence({At(32, kOurs)}), At(32), kOurs, true) == std::nullopt);
    CHECK(JudgeRemove(Presence({}), At(32), kOurs, true) == std::nullopt);
  }
  SUBCASE("asks the kernel about an alias of ours beside the host's own address: it will take only the alias") {
    CHECK(JudgeRemove(Presence({At(24), At(32, kOurs, kFlagAlias)}), At(32), kOurs, true) == std::nullopt);
  }
  SUBCASE("of an untagged alias asks a kernel that keeps no tags, and is refused on one that does") {
    CHECK(JudgeRemove(Presence({At(32, 0, kFlagAlias)}), At(32), kOurs, false) == std::nullopt);
    CHECK(JudgeRemove(Presence({At(32, 0, kFlagAlias)}), At(32), kOurs, true) == -EPERM);
  }
  SUBCASE("is refused for the host's own address and for another program's") {
    CHECK(JudgeRemove(Presence({At(24)}), At(24), kOurs, true) == -EPERM);
    CHECK(JudgeRemove(Presence({At(32, kKeepalived, kFlagAlias)}), At(32), kOurs, true) == -EPERM);
  }
}

TEST_CASE("extending is of our own aliases, by their tag, where they stand alone") {
  const AddressRecord wanted = At(32);
  const auto refused = std::optional<int32_t>(-EADDRNOTAVAIL);
  CHECK(JudgeExtend(Presence({At(32, kOurs)}), wanted, kOurs) == std::nullopt); /* not kFlagAlias: not permanent */
  CHECK(JudgeExtend(Presence({}), wanted, kOurs) == refused);
  CHECK(JudgeExtend(Presence({At(32)}), wanted, kOurs) == refused);
  CHECK(JudgeExtend(Presence({At(32, 0, kFlagAlias)}), wanted, kOurs) == refused);
  CHECK(JudgeExtend(Presence({At(32, kKeepalived)}), wanted, kOurs) == refused);
  CHECK(JudgeExtend(Presence({At(24, kOurs)}), wanted, kOurs) == refused);
  CHECK(JudgeExtend(Presence({At(32, kOurs), At(24)}), wanted, kOurs) == refused);
  const AddressRecord route = At(32, kOurs, kFlagRoute);
  CHECK(JudgeExtend(Presence({route}), route, kOurs) == refused);
}

}  // namespace holdfast
