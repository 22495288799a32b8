#include "capture/flow_record.h"

/* IANA's registry, and the ports that Configuration Manager, SQL Server and Windows listen on. */
// clang-format off
static const uint16_t services[] = {
    7, 9, 13, 19, 20, 21, 22, 23, 25, 37, 43, 49, 53, 67, 69, 79, 80, 88, 110, 111, 113, 119, 123, 135, 137, 138,
    139, 143, 161, 162, 179, 389, 427, 443, 445, 464, 500, 502, 514, 515, 520, 524, 548, 554, 587, 593, 623,
    631, 636, 647, 749, 853, 873, 989, 990, 993, 995, 1080, 1194, 1433, 1434, 1521, 1701, 1723, 1812, 1813, 1883,
    1900, 2049, 2181, 2701, 2702, 3128, 3268, 3269, 3306, 3389, 3478, 3702, 4011, 4022, 4500, 4789, 5060, 5061,
    5353, 5355, 5357, 5358, 5432, 5671, 5672, 5722, 5900, 5985, 5986, 6379, 8000, 8003, 8005, 8008, 8080, 8081,
    8088, 8443, 8530, 8531, 8883, 9092, 9100, 9200, 9389, 10123, 11211, 27017, 47001,
};
// clang-format on

bool flow_port_is_service(uint16_t port)
{
    unsigned from = 0, to = sizeof services / sizeof services[0];
    while (from < to) {
        unsigned middle = (from + to) / 2;
        if (services[middle] == port) {
            return true;
        }
        if (services[middle] < port) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return false;
}
