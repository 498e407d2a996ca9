using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// How libtorch's threads wait for each other: asleep. GNU's OpenMP lets them spin, which takes the cores from other programs and,
/// where those want them too, from the very threads that are waited for: 32 to 256 tokens were then written at 8 to 520 ms each.
/// </summary>
internal static partial class ThreadWaiting
{
    /// <summary>OpenMP reads its settings when libtorch is loaded, so this must come before. What the user has set stands.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nothing later is sure to come before libtorch is loaded.")]
    internal static void Sleep()
    {
        if (OperatingSystem.IsLinux())
            _ = SetEnvironment("OMP_WAIT_POLICY", "PASSIVE", 0);
    }

    // .NET keeps its own copy of the environment, which native libraries do not see.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
