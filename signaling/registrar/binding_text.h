// The bindings of a trunk as text, for whoever keeps them beyond this process: one "name=value" line each, values
// escaped; realms by name, because their order may change. Of no RFC. Opens no file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/registrar/binding.h"
#include "signaling/transaction/flow.h"

namespace sallyport::registrar {

std::string write_bindings(const std::vector<Binding>& bindings, const RealmTable& realms);

// What has not expired by `now`. Connections have died with the process that had them: bindings over TCP and TLS come
// back with `flow_closed`, known to operators and to the order of CSeq, but not called. So do those of a UDP address
// that no listener has any more; of a realm that is gone nothing comes back. Nothing: text of another version, damaged,
// or of more than `most_bindings_read`.
inline constexpr std::size_t most_bindings_read = 64;  // of one trunk: as many as it may be provisioned for
std::optional<std::vector<Binding>> read_bindings(std::string_view text, std::string_view trunk,
                                                  const RealmTable& realms, TimePoint now);

}  // namespace sallyport::registrar
