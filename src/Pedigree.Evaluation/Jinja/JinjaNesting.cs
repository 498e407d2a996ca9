using System.Runtime.CompilerServices;

namespace Pedigree.Evaluation.Jinja;

/// <summary>
/// Refuses what is nested so deeply, in a template or in its values, that reading or computing it would overflow the stack, which
/// would end the process.
/// </summary>
internal static class JinjaNesting
{
    /// <exception cref="JinjaException">There is little room left on the stack.</exception>
    public static void Check(int line = 0)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new JinjaException("something is nested too deeply, or calls itself without end", line);
    }

    /// <summary>A list whose items are looked into; it may hold itself.</summary>
    /// <exception cref="JinjaException">There is little room left on the stack.</exception>
    public static IReadOnlyList<object?> Checked(IReadOnlyList<object?> items)
    {
        Check();
        return items;
    }
}
