// SPDX-License-Identifier: Apache-2.0
#include "agent/build_key.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <string_view>

#include "common/base/digest.h"
#include "common/bpf/compile.h"

namespace seccompd::agent {
namespace {

constexpr std::size_t kKeyDigits = 16;

std::size_t Aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// The description of the GNU build ID among the notes, "" if it is not there.
std::string_view BuildIdIn(std::string_view notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head{};
    std::memcpy(&head, notes.data(), sizeof(head));
    notes.remove_prefix(sizeof(head));
    const std::size_t name = Aligned(head.n_namesz);
    const std::size_t description = Aligned(head.n_descsz);
    if (notes.size() < name || notes.size() - name < description) return {};
    if (head.n_type == NT_GNU_BUILD_ID && notes.starts_with("GNU")) {
      return notes.substr(name, head.n_descsz);
    }
    notes.remove_prefix(name + description);
  }
  return {};
}

// Of the first object, which is the program itself.
int TakeBuildId(dl_phdr_info* info, std::size_t /*size*/, void* out) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr,cppcoreguidelines-pro-type-reinterpret-cast): mapped
    const auto* begin = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    const std::string_view id = BuildIdIn({begin, segment.p_memsz});
    if (!id.empty()) static_cast<std::string*>(out)->assign(id);
  }
  return 1;
}

}  // namespace

std::string BuildKey() {
  std::string id;
  ::dl_iterate_phdr(TakeBuildId, &id);
  if (id.empty()) return "";
  return base::Sha256(id + "\n" + bpf::LibseccompVersion()).Hex().substr(0, kKeyDigits);
}

}  // namespace seccompd::agent
