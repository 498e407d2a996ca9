using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pedigree.Evaluation.Models;

/// <summary>How libtorch waits and where it keeps tensors, on Linux. What the user has set stands.</summary>
internal static partial class LibtorchSettings
{
    /// <summary>
    /// Threads wait for each other asleep. GNU's OpenMP lets them spin, which takes the cores from other programs and, where
    /// those want them too, from the very threads that are waited for: 32 to 256 tokens were then written at 8 to 520 ms each.
    /// Large tensors are in huge pages: every layer's results are new memory, and where a page that is touched first is dear, as
    /// on some virtual machines, scoring took 2.2 times the processor time.
    /// </summary>
    /// <remarks>Both are read when libtorch is loaded, so this must come before.</remarks>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nothing later is sure to come before libtorch is loaded.")]
    internal static void Apply()
    {
        if (!OperatingSystem.IsLinux())
            return;
        _ = SetEnvironment("OMP_WAIT_POLICY", "PASSIVE", 0);
        _ = SetEnvironment("THP_MEM_ALLOC_ENABLE", "1", 0);
    }

    // .NET keeps its own copy of the environment, which native libraries do not see.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
