using Pedigree.Evaluation.Outside;
using Pedigree.Evolution;
using Pedigree.Functions.Orchestration;
using Pedigree.Weights;

namespace Pedigree.Functions.Activities;

/// <summary>Tells what can never succeed from what may another time.</summary>
internal static class Outcomes
{
    public static async Task<string> OfAsync<TResult>(Func<Task<TResult>> work)
    {
        try
        {
            return Wire.Write(new Outcome<TResult>(await work()));
        }
        catch (WorkFailedException error)
        {
            return Wire.Write(new Outcome<TResult>(default, Failed: error.Message));
        }
        catch (EvaluatorFailedException error)
        {
            return Wire.Write(new Outcome<TResult>(default, Evaluator: error.Message));
        }
        // What cannot be had now is thrown, and so tried again.
        catch (BadInputException error) when (error is not UnavailableException)
        {
            return Wire.Write(new Outcome<TResult>(default, Refused: new(error.File, error.Field, error.Reason)));
        }
    }
}
