#include "signaling/b2bua/finished_call.h"

namespace sallyport::b2bua {

std::string draw_ladder(const CallRecord& record, const Ladder& lines, const std::array<std::string, 2>& columns) {
    std::string head = record.id + "  " + record.direction + "  " + record.caller + " -> " + record.called + "\n";
    head += "session " + record.session_id + "  trunk " + (record.trunk.empty() ? "-" : record.trunk) + "\n";
    return lines.text(head, columns[0], columns[1]);
}

}  // namespace sallyport::b2bua
