using System.Runtime.ExceptionServices;

namespace Pedigree.Weights;

/// <summary>What goes wrong on several threads at once is told as if on one.</summary>
internal static class FirstError
{
    /// <summary>Runs a parallel loop; of its errors the first is thrown as it was.</summary>
    public static void Of(Action loop)
    {
        try
        {
            loop();
        }
        catch (AggregateException errors)
        {
            ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }
    }
}
