/*
 * dcerpc_interfaces.c - names of interfaces: those that site systems use, and those that are abused
 * against them.
 *
 * Each row's UUID stands in the appendix with the interface's IDL of the document named beside it.
 */
#include "dissect/dcerpc.h"

// clang-format off
static const struct {
    const char *uuid, *name;
} interfaces[] = {
    {"00000001-0000-0000-c000-000000000046", "IClassFactory"},         /* [MS-DCOM] 3.2.4.1.1.2 */
    {"00000131-0000-0000-c000-000000000046", "IRemUnknown"},           /* [MS-DCOM] 1.9 */
    {"00000134-0000-0000-c000-000000000046", "IRundown"},              /* [MS-DCOM] 1.9 */
    {"00000143-0000-0000-c000-000000000046", "IRemUnknown2"},          /* [MS-DCOM] 1.9 */
    {"000001a0-0000-0000-c000-000000000046", "IRemoteSCMActivator"},   /* [MS-DCOM] 1.9 */
    {"00020400-0000-0000-c000-000000000046", "IDispatch"},             /* [MS-OAUT] 1.9 */
    {"027947e1-d731-11ce-a357-000000000001", "IEnumWbemClassObject"},  /* [MS-WMI] 1.9 */
    {"0b0a6584-9e0f-11cf-a3cf-00805f68cb1b", "localepmp"},             /* the endpoint mapper's local interface */
    {"12345678-1234-abcd-ef00-0123456789ab", "spoolss"},               /* [MS-RPRN] 1.9 */
    {"12345678-1234-abcd-ef00-01234567cffb", "netlogon"},              /* [MS-NRPC] 1.9 */
    {"12345778-1234-abcd-ef00-0123456789ab", "lsarpc"},                /* [MS-LSAD] 1.9 */
    {"12345778-1234-abcd-ef00-0123456789ac", "samr"},                  /* [MS-SAMR] 1.9 */
    {"1c1c45ee-4395-11d2-b60b-00104b703efd", "IWbemFetchSmartEnum"},   /* [MS-WMI] 1.9 */
    {"1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc"},                 /* [MS-TSCH] 1.9 */
    {"338cd001-2244-31f1-aaaa-900038001003", "winreg"},                /* [MS-RRP] 1.9 */
    {"367abb81-9844-35f1-ad32-98f038001003", "svcctl"},                /* [MS-SCMR] 1.9 */
    {"378e52b0-c0a9-11cf-822d-00aa0051e40f", "sasec"},                 /* [MS-TSCH] 1.9 */
    {"3919286a-b10c-11d0-9ba8-00c04fd92ef5", "dssetup"},               /* [MS-DSSP] 1.9 */
    {"3dde7c30-165d-11d1-ab8f-00805f14db40", "BackupKey"},             /* [MS-BKRP] 1.9 */
    {"423ec01e-2e35-11d2-b604-00104b703efd", "IWbemWCOSmartEnum"},     /* [MS-WMI] 1.9 */
    {"44aca675-e8fc-11d0-a07c-00c04fb68820", "IWbemCallResult"},       /* [MS-WMI] 1.9 */
    {"4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc"},                /* [MS-SRVS] 1.9 */
    {"4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", "IActivation"},           /* [MS-DCOM] 1.9 */
    {"4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs"},                /* [MS-DFSNM] 1.9 */
    {"50abc2a4-574d-40b3-9d66-ee4fd5fba076", "dnsserver"},             /* [MS-DNSP] 1.9 */
    {"5b821720-f63b-11d0-aad2-00c04fc324db", "dhcpsrv2"},              /* [MS-DHCPM] 1.9 */
    {"6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc"},                /* [MS-WKST] 1.9 */
    {"76f03f96-cdfd-44fc-a22c-64950a001209", "IRemoteWinspool"},       /* [MS-PAR] 1.9 */
    {"82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog"},              /* [MS-EVEN] 1.9 */
    {"86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService"}, /* [MS-TSCH] 1.9 */
    {"897e2e5f-93f3-4376-9c9c-fd2277495c27", "FrsTransport"},          /* [MS-FRS2] 1.9 */
    {"91ae6020-9e3c-11cf-8d7c-00aa00c091be", "ICertPassage"},          /* [MS-ICPR] 1.9 */
    {"9556dc99-828c-11cf-a37e-00aa003240c7", "IWbemServices"},         /* [MS-WMI] 1.9 */
    {"99fcfec4-5260-101b-bbcb-00aa0021347a", "IObjectExporter"},       /* [MS-DCOM] 1.9 */
    {"9f6c78ef-fce5-42fa-abea-3e7df91921dc", "IWbemLoginClientIDEx"},  /* [MS-WMI] 1.9 */
    {"a4f1db00-ca47-1067-b31f-00dd010662da", "emsmdb"},                /* [MS-OXCRPC] 1.9 */
    {"a8e0653c-2744-4389-a61d-7373df8b2292", "FileServerVssAgent"},    /* [MS-FSRVP] 1.9 */
    {"afa8bd80-7d8a-11c9-bef4-08002b102989", "mgmt"},                  /* C706 appendix Q */
    {"c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc-lsarpc"},         /* [MS-EFSR] 1.9: by \pipe\lsarpc */
    {"d4781cd6-e5d3-44df-ad94-930efe48a887", "IWbemLoginClientID"},    /* [MS-WMI] 1.9 */
    {"d99e6e70-fc88-11d0-b498-00a0c90312f3", "ICertRequestD"},         /* [MS-WCCE] 1.9 */
    {"df1941c5-fe89-4e79-bf10-463657acf44d", "efsrpc"},                /* [MS-EFSR] 1.9: by \pipe\efsrpc */
    {"e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper"},              /* C706 appendix O */
    {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi"},               /* [MS-DRSR] 1.9 */
    {"f309ad18-d86a-11d0-a075-00c04fb68820", "IWbemLevel1Login"},      /* [MS-WMI] 1.9 */
    {"f5cc5a18-4264-101a-8c59-08002b2f8426", "nspi"},                  /* [MS-NSPI] 1.9 */
    {"f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "eventlog6"},             /* [MS-EVEN6] 1.9 */
};
// clang-format on

const char *dcerpc_interface_name(const char *uuid)
{
    for (size_t i = 0; i < sizeof interfaces / sizeof interfaces[0]; i++) {
        if (strcmp(interfaces[i].uuid, uuid) == 0) {
            return interfaces[i].name;
        }
    }
    return NULL;
}
